"""Images of tasks over HTTP: fetched when they are needed, from whom they are, and never half."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.interop.label_studio.batch import Batch
from space_sql.interop.label_studio.datasets import put
from space_sql.interop.label_studio.media import Media
from tests.label_studio import fake as faults
from tests.label_studio.fake import TOKEN, Fake, serving
from tests.label_studio.test_sync import asked, brought, snapshots

IMAGES = Path(__file__).parents[1] / "data/label_studio/boxes/images"
MEDIA = Media("image")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    with serving() as one:
        for number, picture in enumerate(sorted(IMAGES.glob("*.png"))[:6]):
            one.media[f"/data/upload/{picture.name}"] = picture.read_bytes()
            one.add(
                1, image=(one.address.partition("/projects")[0] if number % 2 else "") + f"/data/upload/{picture.name}"
            )
        one.add(2)
        yield one


def pictures(root: Path) -> list[bytes | None]:
    return [row[0] for row in asked(f"SELECT image FROM space_scan('{root}/tasks') ORDER BY task_id")]


def test_they_come_with_a_sync_and_only_once(fake: Fake, tmp_path: Path) -> None:
    brought(fake, tmp_path, media=MEDIA)
    assert pictures(tmp_path) == [*fake.media.values(), None, None]
    assert fake.count("/data/upload") == 6
    fake.pass_time()
    fake.annotate(3, "praise")
    fake.edit(7, text="edited, and no image still")
    brought(fake, tmp_path, media=MEDIA)
    before = snapshots(tmp_path)
    brought(fake, tmp_path, media=MEDIA, anew=True)
    assert snapshots(tmp_path) == before
    assert fake.count("/data/upload") == 6
    fake.edit(1, image="/data/upload/scene_002.png")
    brought(fake, tmp_path, media=MEDIA)
    assert fake.count("/data/upload") == 7
    assert pictures(tmp_path)[0] == fake.media["/data/upload/scene_002.png"]


def test_a_missing_one_is_told_and_nothing_is_written(fake: Fake, tmp_path: Path) -> None:
    gone = fake.media.pop("/data/upload/scene_003.png")
    with pytest.raises(Exception, match=r"scene_003.png.*no such file"):
        brought(fake, tmp_path, media=MEDIA)
    assert not (tmp_path / "tasks").exists()
    fake.media["/data/upload/scene_003.png"] = gone
    brought(fake, tmp_path, media=MEDIA)
    before = snapshots(tmp_path)
    fake.edit(1, image="/data/upload/nowhere.png")
    fake.annotate(2, "praise")
    with pytest.raises(Exception, match="no such file"):
        brought(fake, tmp_path, media=MEDIA)
    assert snapshots(tmp_path) == before


def test_one_that_breaks_off_is_fetched_again_and_whole(fake: Fake, tmp_path: Path) -> None:
    left = [faults.reset, faults.status(503, Retry_After="0")]
    fake.before = lambda handler: "/data/upload" in handler.path and bool(left) and left.pop()(handler)
    brought(fake, tmp_path, media=MEDIA)
    assert not left
    assert pictures(tmp_path)[:6] == list(fake.media.values())


def test_the_token_is_for_its_server_alone(fake: Fake, tmp_path: Path) -> None:
    given: list[Any] = []
    with serving() as stranger:
        stranger.media["/picture.png"] = b"a picture"
        stranger.before = lambda handler: given.append(handler.headers.get("Authorization"))  # type: ignore[func-returns-value]
        address = stranger.address.partition("/projects")[0]
        fake.add(1, image=f"{address}/picture.png")
        fake.media["/data/upload/moved.png"] = b""
        fake.add(1, image="/data/upload/moved.png")

        def moved(handler: faults.Handler) -> bool:
            if handler.path != "/data/upload/moved.png":
                return False
            handler.answer(302, b"", Location=f"{address}/picture.png")
            return True

        fake.before = moved
        brought(fake, tmp_path, media=MEDIA)
    assert given == [None, None]
    assert pictures(tmp_path)[-2:] == [b"a picture", b"a picture"]


def test_an_export_file_names_addresses(fake: Fake, tmp_path: Path) -> None:
    export = tmp_path / "export.json"
    export.write_text(json.dumps([task for number, task in fake.tasks.items() if number % 2 == 0]))
    put(Session(0, 0), str(tmp_path / "ds"), Batch(file=export, complete=True), Options(), MEDIA)
    assert pictures(tmp_path / "ds") == [*list(fake.media.values())[1::2], None]
    assert {path for _, path, _ in fake.requests} == {f"/data/upload/scene_00{n}.png" for n in (2, 4, 6)}
