"""Two small models behind a server that answers in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from gnm_render.studio.app import studio
from gnm_render.studio.models import Loaded, load_all
from starlette.testclient import TestClient

TOKEN, PORT = "a-token-of-these-tests", 8123


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def models(make_run: Callable[..., Path]) -> list[Loaded]:
    runs = [make_run(masks=True, certainty=1.0, name="masks"), make_run(certainty=1.0, name="plain")]
    return load_all(tuple(map(str, runs)))


@pytest.fixture
def client(models: list[Loaded]) -> Iterator[TestClient]:
    with TestClient(studio(models, TOKEN, PORT), base_url=f"http://127.0.0.1:{PORT}") as client:
        yield client


@pytest.fixture
def ask(client: TestClient) -> Callable[..., Any]:
    """`ask("edit", scene=3, edit={...})` → the answer of a request that succeeds."""

    def ask(path: str, **body: Any) -> Any:
        answer = client.post(f"/{TOKEN}/api/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask
