"""Scale: the tasks of an export file, or of a live project; read only."""

from common_ml.data.formats.scale.format import LIVE, NAME, ReviewStatus, Status, log_skipped, read

__all__ = ["LIVE", "NAME", "ReviewStatus", "Status", "log_skipped", "read"]
