"""The studio's server: what the page asks, answered."""

import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from gnm_core.completion import CompletesScenes
from gnm_core.errors import DataError, EditError, GnmError
from gnm_core.parts.data.picture import read_picture
from gnm_core.results import Scene, Verdict
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gnm_render.figures.abilities import DescribesScenes, DrawsInSteps
from gnm_render.figures.steps import scenes_of_steps
from gnm_render.studio import requests as asked
from gnm_render.studio.describe import as_url, layers, png, restored, saved, told
from gnm_render.studio.edits import edited, what_of
from gnm_render.studio.guard import TOO_LARGE, App, Guard, TooLarge
from gnm_render.studio.models import Loaded
from gnm_render.studio.newest import Overtaken, Worker
from gnm_render.studio.scenes import Scenes

MOST_PIXELS = 40_000_000
"""Of a picture that is dropped in."""

Answer = dict[str, Any] | list[dict[str, Any]]


def studio(models: Sequence[Loaded], token: str, port: int) -> App:
    """The whole application, guarded.

    Args:
        models: those on the page.
        token: the first part of every address.
        port: where it will listen.
    """
    return Guard(Studio(models).app(), token, port)


class Studio:
    """Answers by the models; scenes are remembered by number.

    Args:
        models: those on the page.
    """

    def __init__(self, models: Sequence[Loaded]) -> None:
        self.models, self.scenes, self.worker = list(models), Scenes(), Worker()

    def app(self) -> Starlette:
        """Routes without a token."""
        page = files("gnm_render.studio") / "page"

        @asynccontextmanager
        async def life(app: Starlette) -> AsyncIterator[None]:
            yield
            self.worker.close()

        def post(path: str, kind: type[asked.Asked], answer: Callable[[Any], Answer]) -> Route:
            return Route(path, self._endpoint(kind, answer), methods=["POST"])

        return Starlette(
            routes=[
                Route("/api/models", self._models),
                post("/api/sample", asked.Sample, self._sample),
                post("/api/edit", asked.Edit, self._edit),
                post("/api/complete", asked.Complete, self._complete),
                post("/api/between", asked.Between, self._between),
                post("/api/steps", asked.OfScene, self._steps),
                post("/api/directions", asked.Directions, self._directions),
                Route("/api/see", self._see, methods=["POST"]),
                Route("/api/open", self._open, methods=["POST"]),
                Route("/api/scene/{number:int}.{kind}", self._file),
                Mount("/", StaticFiles(directory=str(page), html=True)),
            ],
            lifespan=life,
            exception_handlers={TooLarge: _too_large},
        )

    # What is asked

    def _sample(self, ask: asked.Sample) -> Answer:
        loaded = self._model(ask.model)
        torch.manual_seed(ask.seed)
        with torch.no_grad():
            scenes = loaded.model.sample(ask.count)
        return self._all_told(loaded, scenes)

    def _edit(self, ask: asked.Edit) -> Answer:
        kept = self.scenes.get(ask.scene)
        loaded = self.models[kept.model]
        scene = edited(kept.scene, ask.edit, loaded, self.scenes)
        return self._told(loaded, scene, judged=not ask.drag)

    def _complete(self, ask: asked.Complete) -> Answer:
        kept = self.scenes.get(ask.scene)
        loaded = self.models[kept.model]
        if not isinstance(loaded.model, CompletesScenes):
            raise EditError("this model cannot sample around kept objects")
        torch.manual_seed(ask.seed)
        completion = loaded.model.complete(kept.scene, ask.keep)
        how = {"effective": completion.effective, "proposals": completion.proposals, "exact": completion.exact}
        return {**self._told(loaded, completion.scene), **how}

    def _between(self, ask: asked.Between) -> Answer:
        first, last = self.scenes.get(ask.first), self.scenes.get(ask.last)
        if first.model != last.model:
            raise EditError("these scenes are of two models: there is nothing between")
        loaded = self.models[first.model]
        return self._all_told(loaded, loaded.model.interpolate(first.scene, last.scene, ask.count))

    def _steps(self, ask: asked.OfScene) -> Answer:
        kept = self.scenes.get(ask.scene)
        loaded = self.models[kept.model]
        if not isinstance(loaded.model, DrawsInSteps) or kept.scene.code is None:
            raise EditError("this scene has no drawing: it was edited, or its model does not draw in steps")
        with torch.no_grad():
            drawing = loaded.model.core.generate(1, kept.scene.code)
            return [{"image": as_url(scene.image[0])} for scene in scenes_of_steps(loaded.model, drawing)]

    def _directions(self, ask: asked.Directions) -> Answer:
        kept = self.scenes.get(ask.scene)
        directions = self.models[kept.model].directions
        what = what_of(kept.scene, ask.number)
        return {"amounts": [] if directions is None else directions.amounts(what).tolist()}

    async def _models(self, request: Request) -> Response:
        return JSONResponse(await self.worker.do("", lambda: [loaded.about() for loaded in self.models]))

    async def _see(self, request: Request) -> Response:
        """A user's own picture, taken apart by one model or by all."""
        body = await request.body()
        wanted = request.query_params.get("model", "")

        def see() -> Answer:
            chosen = self.models if wanted == "" else [self._model(int(wanted) if wanted.isdigit() else -1)]
            return [self._seen(loaded, body) for loaded in chosen]

        return await _answered(lambda: self.worker.do("", see))

    def _seen(self, loaded: Loaded, body: bytes) -> dict[str, Any]:
        with tempfile.NamedTemporaryFile(prefix="picture-") as file:
            file.write(body)
            file.flush()
            try:
                picture = read_picture(Path(file.name), loaded.model.dims, max_pixels=MOST_PIXELS)
            except DataError as error:
                raise DataError(str(error).replace(file.name, "the picture")) from None
        image = torch.from_numpy(picture.pixels)[None].float() / 255
        with torch.no_grad():
            scene = loaded.model.reconstruct(image)
            alone = None
            if isinstance(loaded.model, DescribesScenes):
                alone = as_url(loaded.model.reconstruct_from_scene(image).image[0])
        return {**self._told(loaded, scene), "input": as_url(image[0]), "from_code": alone}

    async def _open(self, request: Request) -> Response:
        """A saved scene."""
        body = await request.body()
        wanted = request.query_params.get("model", "0")

        def bring_back() -> Answer:
            loaded = self._model(int(wanted) if wanted.isdigit() else -1)
            try:
                data = json.loads(body)
            except (ValueError, RecursionError) as error:
                raise EditError("this is no scene that the studio saved") from error
            return self._told(loaded, restored(loaded, data))

        return await _answered(lambda: self.worker.do("", bring_back))

    async def _file(self, request: Request) -> Response:
        number, kind = request.path_params["number"], request.path_params["kind"]
        makers: dict[str, tuple[str, Callable[[Loaded, Scene], bytes]]] = {
            "png": ("image/png", lambda loaded, scene: png(scene.image[0])),
            "json": ("application/json", lambda loaded, scene: json.dumps(saved(loaded, scene)).encode()),
            "zip": ("application/zip", layers),
        }
        if kind not in makers:
            return JSONResponse({"error": f"a scene is to be had as {', '.join(makers)}"}, 404)
        media, make = makers[kind]

        def made() -> bytes:
            kept = self.scenes.get(number)
            return make(self.models[kept.model], kept.scene)

        try:
            content = await self.worker.do("", made)
        except GnmError as error:
            return JSONResponse({"error": str(error)}, 404)
        name = f'attachment; filename="scene-{number}.{kind}"'
        return Response(content, media_type=media, headers={"content-disposition": name})

    # How it is answered

    def _endpoint(
        self, kind: type[asked.Asked], answer: Callable[[Any], Answer]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                ask = kind.model_validate_json(await request.body())
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                return JSONResponse({"error": f"{where or 'request'}: {first['msg']}"}, 422)
            drag = ask.drag if isinstance(ask, asked.Edit) else ""
            return await _answered(lambda: self.worker.do(drag, lambda: answer(ask)))

        return endpoint

    def _model(self, number: int) -> Loaded:
        if not 0 <= number < len(self.models):
            raise EditError(f"there is no model {number}")
        return self.models[number]

    def _told(self, loaded: Loaded, scene: Scene, *, judged: bool = True) -> dict[str, Any]:
        verdicts = loaded.verdicts(scene.image) if judged else None
        verdict = None if verdicts is None else verdicts[0]
        return told(self.scenes.add(loaded.number, scene), loaded, scene, verdict)

    def _all_told(self, loaded: Loaded, scenes: Scene) -> list[dict[str, Any]]:
        verdicts: Sequence[Verdict | None] = loaded.verdicts(scenes.image) or [None] * len(scenes)
        singles = [scenes[i] for i in range(len(scenes))]
        return [
            told(self.scenes.add(loaded.number, scene), loaded, scene, verdict)
            for scene, verdict in zip(singles, verdicts, strict=True)
        ]


async def _too_large(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": TOO_LARGE}, 413)


async def _answered(work: Callable[[], Awaitable[Any]]) -> Response:
    try:
        return JSONResponse(await work())
    except Overtaken:
        return JSONResponse({"overtaken": True}, 409)
    except GnmError as error:
        return JSONResponse({"error": str(error)}, 400)
