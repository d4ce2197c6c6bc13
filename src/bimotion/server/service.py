"""State that all requests share: the model and its queue, the worker processes, kept motions, the library, the
counters."""

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from bimotion.api import load, model_folder
from bimotion.errors import BimotionError
from bimotion.inference.model import MotionLanguageModel
from bimotion.models.choices import Precision
from bimotion.motion.clip import Clip
from bimotion.motion.kinematics import clip_to_pose
from bimotion.motion.skeleton import NUM_JOINTS
from bimotion.search.library import Library
from bimotion.server.answers import ModelInfo, MotionAnswer
from bimotion.server.engine import Engine, Joining, Watch, WorkQueue
from bimotion.server.errors import ApiError
from bimotion.server.metrics import Metrics
from bimotion.server.motions import MotionStore
from bimotion.server.requests import KeptMotion, MotionSource
from bimotion.server.settings import ServerSettings
from bimotion.server.workers import Workers
from bimotion.storage.fingerprint import file_fingerprint

logger = logging.getLogger(__name__)

FINGERPRINTED = ("config.json", "model.safetensors", "tokenizer.json")
"""Files of a model folder that results depend on."""

Answer = TypeVar("Answer")


def model_fingerprint(folder: Path) -> str:
    """16 hexadecimal digits that change with the weights, the configuration and the tokenizer."""
    digests = [file_fingerprint(folder / name) for name in FINGERPRINTED]
    return hashlib.sha256("".join(digests).encode("ascii")).hexdigest()[:16]


class Service:
    """A running server's parts."""

    def __init__(
        self,
        settings: ServerSettings,
        *,
        model: str | Path | None = None,
        device: str = "cpu",
        precision: Precision = "fp32",
    ) -> None:
        self.settings, self.limits = settings, settings.limits
        self._source = (model_folder(model), device, precision)
        self.metrics = Metrics()
        self.motions = MotionStore(self.limits.stored_motions, self.limits.stored_bytes)
        self.model_info: ModelInfo | None = None
        self.failure: str | None = None
        self.offsets = np.zeros((NUM_JOINTS, 3))  # (J, 3): a generated body in the T-pose
        self.engine: WorkQueue
        self._model: MotionLanguageModel | None = None
        self._library: Library | None = None

    async def start(self) -> None:
        """Start the queue before the model, and load the model and a worker process meanwhile."""
        self.workers = Workers(self.limits, self.metrics)
        self.engine = self.make_engine()
        self._loading = asyncio.create_task(self._begin())

    async def _begin(self) -> None:
        await self.load()
        await self.workers.start()  # not before: its start would compete with the model's for the cores

    def make_engine(self) -> WorkQueue:
        """The queue before the model."""
        return Engine(self.limits, self.metrics)

    async def close(self) -> None:
        """Stop everything."""
        self._loading.cancel()
        await asyncio.to_thread(self.engine.close)
        await self.workers.close()

    async def loaded(self) -> None:
        """Wait until the model has been loaded, or could not be."""
        await asyncio.wait([self._loading])

    @property
    def ready(self) -> bool:
        """Whether the model has been loaded."""
        return self._model is not None

    @property
    def model(self) -> MotionLanguageModel:
        """The model.

        Raises:
            ApiError: it is still being loaded, or could not be loaded.
        """
        if self._model is None:
            raise ApiError(
                "not_ready",
                "the model could not be loaded; the server's log says why"
                if self.failure
                else "the model is being loaded",
                headers={"Retry-After": "2"},
            )
        return self._model

    @property
    def info(self) -> ModelInfo:
        """The model's name and fingerprint.

        Raises:
            ApiError: it is not loaded.
        """
        assert self.model is not None
        assert self.model_info is not None
        return self.model_info

    @property
    def library(self) -> Library:
        """The library to search.

        Raises:
            ApiError: the server was started without one.
        """
        if self._library is None:
            raise ApiError("unsupported", "this server has no library; start it with --library FOLDER")
        return self._library

    @property
    def has_library(self) -> bool:
        """Whether there is a library to search."""
        return self._library is not None

    async def load(self) -> None:
        """Load the model and the library; `failure` says why they could not be."""
        folder, device, precision = self._source
        try:
            model = await asyncio.to_thread(load, folder, device, precision)
            # The first motion takes longer than all others: memory is laid out, call graphs are recorded.
            clip = await asyncio.to_thread(
                model.text_to_motion, "a person stands", seed=0, best=1, check=True
            )
            fingerprint = await asyncio.to_thread(model_fingerprint, folder)
            if self.settings.library is not None:
                self._library = await asyncio.to_thread(Library, self.settings.library)
        except BimotionError as error:
            self.failure = str(error)
            logger.error("%s", error)
            return
        except (
            Exception
        ) as error:  # out of memory, a broken disk: the server says so instead of loading for ever
            self.failure = f"the model could not be loaded: {type(error).__name__}"
            logger.exception("the model could not be loaded")
            return
        self.offsets = clip_to_pose(clip).offsets
        self.model_info = ModelInfo(name=folder.name, fingerprint=fingerprint, precision=precision)
        self.captioner = model.captioner()
        self._model = model

    async def captions(
        self, motions: Sequence[Float[np.ndarray, "_ 263"]], watch: Watch, *, follows: bool = False
    ) -> list[str]:
        """Captions of features, each of at most `max_frames` rows; they join those that are decoded already.

        Raises:
            ApiError: the queue is full, or the model is not loaded.
            Cancelled: `watch` was cancelled.
        """
        assert self.model is not None
        done = 0

        async def one(features: Float[np.ndarray, "_ 263"]) -> str:
            nonlocal done
            joining: Joining[object, str] = Joining("caption", features, self.captioner)
            text = await self.engine.submit(joining, watch, follows=follows)
            done += 1
            if not follows:
                watch.progress(done, len(motions))
            return text

        return list(await asyncio.gather(*map(one, motions)))

    async def clip(self, source: MotionSource, field: str) -> tuple[Clip, list[str]]:
        """The motion of a request, by id or inline, and warnings about its reading.

        Raises:
            ApiError: there is no such motion, or it cannot be read.
        """
        if isinstance(source, KeptMotion):
            return self.motions.get(source.id, f"{field}.id"), []
        data = source.contents(self.limits.max_upload_bytes, field)
        return await self.workers.read(source.name, data)

    def keep(self, clip: Clip, label: str) -> MotionAnswer:
        """Store a motion for download; the answer about it, with the id and what the viewer needs."""
        return MotionAnswer.of(self.motions.add(clip).id, clip, label)

    async def timed(
        self, operation: str, work: Callable[[Watch], Awaitable[Answer]], watch: Watch, seconds: float
    ) -> Answer:
        """The answer of an operation within its time, counted.

        Raises:
            ApiError: it is refused, cancelled, or takes too long.
        """
        started, status = time.monotonic(), "ok"
        try:
            return await asyncio.wait_for(work(watch), seconds)
        except TimeoutError:
            status = "timeout"
            raise ApiError(
                "timeout", f"the request took longer than {seconds:g} s", headers={"Retry-After": "10"}
            ) from None
        except BimotionError as error:
            refusal = ApiError.of(error)
            status = refusal.code
            raise refusal from error
        except ApiError as error:
            status = error.code
            raise
        except asyncio.CancelledError:
            status = "cancelled"
            raise
        except Exception:
            status = "internal"
            raise
        finally:
            watch.cancel()  # whatever is still done for it is done for nobody
            self.metrics.requests.labels(operation, status).inc()
            self.metrics.seconds.labels(operation).observe(time.monotonic() - started)


def drawn_seed(seed: int | None) -> int:
    """The seed, or a random one."""
    return secrets.randbelow(2**31) if seed is None else seed
