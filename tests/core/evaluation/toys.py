"""Models whose metrics are known beforehand, and a data set of four squares."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from gnm_core.contracts import Data, Judge, Model
from gnm_core.dims import Dims
from gnm_core.results import Batch, Components, Objects, Scene, Terms, Truth, Verdict
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

SIZE = 16
DIMS = Dims(channels=1, size=SIZE, grid=2, what=4)


class Squares(Data):
    """Up to four grey squares, one a quadrant; the label says how bright."""

    def __init__(self, length: int = 70, truth: bool = True, split: str = "test") -> None:
        self.length, self.split = length, split
        rng = np.random.default_rng(["train", "validation", "test"].index(split))
        self.present = torch.from_numpy(rng.random((length, 4)) < 0.7)
        self.present[:, 0] = True
        self.labels = torch.from_numpy(rng.integers(0, 3, (length, 4)))
        self.corner = torch.from_numpy(rng.integers(0, 3, (length, 4, 2)))
        self.truth = truth
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.length

    def known_images(self) -> Tensor:
        return self.batch(range(self.length)).image

    def at(self, split: str) -> "Squares":
        return Squares(self.length, self.truth, split)

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        index = torch.as_tensor(np.asarray(indices))
        self.asked += index.tolist()
        present, labels = self.present[index], self.labels[index]
        home = torch.tensor([[0, 0], [8, 0], [0, 8], [8, 8]])
        low = home + self.corner[index]
        boxes = torch.cat([low, low + 5], -1).float()
        axis = torch.arange(SIZE)
        x = (axis >= low[..., :1]) & (axis < low[..., :1] + 5)
        y = (axis >= low[..., 1:]) & (axis < low[..., 1:] + 5)
        inside = y[..., :, None] & x[..., None, :] & present[..., None, None]
        image = (inside * (0.4 + 0.2 * labels[..., None, None])).sum(1, keepdim=True)
        instances = (inside * torch.arange(1, 5)[:, None, None]).sum(1).to(torch.uint8)
        truth = Truth(present, torch.where(present, labels, -1), boxes * present[..., None], instances=instances)
        return Batch(image.float(), truth if self.truth else None)


class Oracle(Model):
    """Knows the data set by heart: names its objects, takes its pictures apart, samples its pictures again.

    Args:
        data: what it knows.
        generated: what it generates; the data set's pictures by default.
    """

    def __init__(self, data: Squares, generated: Tensor | None = None) -> None:
        super().__init__()
        self.dims, self.data = DIMS, data
        self.known = data.batch(range(len(data)))
        data.asked.clear()
        self.generated = self.known.image if generated is None else generated
        self.weight = nn.Parameter(torch.zeros(()))
        self.calls: list[str] = []
        self.spoilt = ""

    def _index(self, image: Tensor) -> Tensor:
        distance = (self.known.image[None] - image[:, None]).abs().flatten(2).sum(2)
        return distance.argmin(1)

    def _spoil(self, name: str, value: Tensor) -> Tensor:
        return value * float("nan") if self.spoilt == name else value

    def terms(self, image: Tensor, step: int) -> Terms:
        zero = torch.zeros(len(image))
        return Terms(zero, {"nothing": zero})

    def sample(self, n: int) -> Scene:
        chosen = torch.randint(len(self.generated), (n,))
        return Scene(self._spoil("sample", self.generated[chosen]))

    def reconstruct(self, image: Tensor) -> Scene:
        self.calls.append("reconstruct")
        return Scene(self._spoil("reconstruct", image))

    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        self.calls.append("log_weights")
        return self._spoil("log_weights", torch.randn(len(image)))

    def objects(self, image: Tensor) -> Objects | None:
        self.calls.append("objects")
        truth = self.known.truth
        assert truth is not None
        i = self._index(image)
        what = nn.functional.one_hot(truth.labels[i].clamp(min=0), 4).float()
        return Objects(
            boxes=self._spoil("objects", truth.boxes[i]),
            confidence=truth.present[i].float(),
            present=truth.present[i],
            what=what + 0.1 * torch.randn_like(what),
            depth=torch.zeros(truth.present[i].shape),
        )

    def components(self, image: Tensor) -> Components | None:
        self.calls.append("components")
        truth = self.known.truth
        assert truth is not None
        assert truth.instances is not None
        masks = nn.functional.one_hot(truth.instances[self._index(image)].long(), 5).permute(0, 3, 1, 2)[:, :, None]
        names = ("background", *(f"object {k}" for k in range(1, 5)))
        return Components(image[:, None].expand(-1, 5, -1, -1, -1), masks.float(), names)


class Blind(Oracle):
    """Names no objects, takes nothing apart."""

    def objects(self, image: Tensor) -> Objects | None:
        return None

    def components(self, image: Tensor) -> Components | None:
        return None


class Sleeper(Oracle):
    """Finds nothing."""

    def objects(self, image: Tensor) -> Objects | None:
        found = super().objects(image)
        assert found is not None
        return Objects(found.boxes, found.confidence * 0, found.present & False, found.what, found.depth)


class LinearGaussian(Model):
    """x = W z + noise, z standard normal: log p(x) and the true posterior are known.

    Args:
        width: standard deviations of q, in those of the true posterior's; at 1 q is the posterior.
    """

    def __init__(self, width: float = 1.0, sigma: float = 0.5) -> None:
        super().__init__()
        self.dims, self.sigma, self.width = Dims(channels=1, size=8), sigma, width
        self.factors = nn.Parameter(torch.randn(64, 3, generator=torch.Generator().manual_seed(0)) / 2)
        self.largest = 0

    def log_evidence(self, image: Tensor) -> Tensor:
        covariance = self.factors @ self.factors.T + self.sigma**2 * torch.eye(64)
        return MultivariateNormal(torch.zeros(64), covariance).log_prob(image.flatten(1)).detach()

    def posterior(self, image: Tensor) -> MultivariateNormal:
        precision = torch.eye(3) + self.factors.T @ self.factors / self.sigma**2
        mean = image.flatten(1) @ self.factors @ torch.linalg.inv(precision) / self.sigma**2
        return MultivariateNormal(mean, torch.linalg.inv(precision) * self.width**2)

    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        self.largest = max(self.largest, len(image))
        q = self.posterior(image)
        z = q.sample()
        likelihood = Normal(z @ self.factors.T, self.sigma).log_prob(image.flatten(1)).sum(1)
        return likelihood + Normal(0.0, 1.0).log_prob(z).sum(1) - q.log_prob(z)

    def sample(self, n: int) -> Scene:
        return Scene((torch.randn(n, 3) @ self.factors.T).reshape(n, 1, 8, 8).clamp(0, 1))

    def reconstruct(self, image: Tensor) -> Scene:
        return Scene((self.posterior(image).mean @ self.factors.T).reshape(image.shape).clamp(0, 1))

    def terms(self, image: Tensor, step: int) -> Terms:
        return Terms(self.log_weights(image), {})


class Pictures(Data):
    """Given images without truth."""

    def __init__(self, images: Tensor) -> None:
        self.images, self.split = images, "test"

    def __len__(self) -> int:
        return len(self.images)

    def at(self, split: str) -> "Pictures":
        return self

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        return Batch(self.images[torch.as_tensor(np.asarray(indices, dtype=np.int64))])


class Bright(Judge):
    """Accepts pictures whose corner is bright."""

    version = "7"

    def judge(self, images: Tensor) -> list[Verdict]:
        return [
            Verdict(True, "", 0.0, "bright/7")
            if level > 0.5
            else Verdict(False, f"only {level:.2f} bright; and dull", -math.inf, "bright/7")
            for level in images[:, 0, 0, 0].tolist()
        ]


class Names(Judge):
    """Names the square in each quadrant by its brightness, and accepts everything."""

    version = "1"

    def judge(self, images: Tensor) -> list[Verdict]:
        return [Verdict(True, "", 0.0, "names/1", tuple(self._squares(image[0]))) for image in images]

    def _squares(self, image: Tensor) -> list[tuple[str, float, float]]:
        half, found = SIZE // 2, []
        for y in (0, half):
            for x in (0, half):
                ink = image[y : y + half, x : x + half].nonzero().float().mean(0)
                if ink.isfinite().all():
                    bright = float(image[y : y + half, x : x + half].max())
                    found.append((f"{bright:.1f}", x + float(ink[1]), y + float(ink[0])))
        return found
