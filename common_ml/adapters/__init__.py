"""Results of other libraries as tags, by duck typing: none of them is imported here.

    return from_ultralytics(self.model(img[..., ::-1])[0])

Boxes become shares of the picture, cut to it; scores become confidences, identities from a tracker
`additional_info["identity"]`.
"""

from __future__ import annotations

from common_ml.adapters.boxes import from_xywh, from_xyxy
from common_ml.adapters.detections import from_supervision, from_torchvision, from_ultralytics
from common_ml.adapters.pipelines import from_asr, from_pipeline

__all__ = [
    "from_asr",
    "from_pipeline",
    "from_supervision",
    "from_torchvision",
    "from_ultralytics",
    "from_xywh",
    "from_xyxy",
]
