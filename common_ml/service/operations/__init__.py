"""Operations of users as plain functions: transactional, and limited to what the user may see.

Every function takes the `Core` first and, on behalf of a user, the `Actor` second; it returns
frozen values and raises the errors below `PredictionServiceError`, each with a stable `.code`.

    from common_ml.service.core import open_core
    from common_ml.service.operations import files, predictions, users
    from common_ml.service.settings import Settings

    with open_core(Settings(data=Path("data"))) as core:
        ann = users.create(core, name="ann", roles=["investigator"])
        key = core.contents.put_file(path, sha256)
        file = files.add(core, ann.actor, sha256=sha256, md5=md5, size=size, kind="video",
                         name="clip.mp4", key=key)
        wanted = [predictions.Choice("ocr", {"fps": 2})]
        asked = predictions.submit(core, ann.actor, files=[sha256], choices=wanted)

`users`, `tokens`, `audit`: who. `files`: contents and their names. `models`: taggers.
`predictions`: submit, look up, list, cancel, retry. `results`: tags and labels. `search`. `tags`:
given by people. `events`, `webhooks`: what happened. `workers`, `stats`: operations.

A file is visible to an actor who has given it a name, to those with a role that such a user opened
it to (`tags.change_roles`), and to administrators. For anybody else it does not exist: a hash that
is not visible is `NotFoundError`, as is one that was never stored.
"""
