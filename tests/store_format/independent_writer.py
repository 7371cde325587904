"""A writer of segments made from docs/store-format.md alone, with pyarrow and xxhash: nothing of twogrpo is used."""

import fcntl
import json
import os
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

TEXT, LONG, INT, FLOAT = pa.string(), pa.large_string(), pa.int32(), pa.float32()
IDS = pa.list_(pa.field("element", INT, nullable=False))
LOGPROBS = pa.list_(pa.field("element", FLOAT, nullable=False))
MASK = pa.list_(pa.field("element", pa.bool_(), nullable=False))
TEXTS = pa.list_(pa.field("element", TEXT, nullable=False))
REQUIRED = ["run_id", "writer", "phase", "attempt", "step", "group_id", "rollout_idx", "rollout_id", "prompt_id"]
COLUMNS = {
    **dict.fromkeys(["run_id", "writer", "phase"], TEXT),
    "attempt": pa.int16(),
    "step": INT,
    "group_id": pa.int64(),
    "rollout_idx": pa.int16(),
    "rollout_id": pa.int64(),
    "model_id": TEXT,
    "policy_version": INT,
    "policy_version_max": INT,
    **dict.fromkeys(["dataset", "prompt_id", "prompt", "gold"], TEXT),
    "gold_alternatives": TEXTS,
    "response": LONG,
    "prompt_ids": IDS,
    "response_ids": IDS,
    "logprobs": LOGPROBS,
    **dict.fromkeys(["logprob_kind", "generator", "dtype"], TEXT),
    "logprob_sum": pa.float64(),
    "ref_logprob_sum": pa.float64(),
    "loss_mask": MASK,
    "reward": FLOAT,
    "advantage": FLOAT,
    "is_inert": pa.bool_(),
    "correct": pa.bool_(),
    **dict.fromkeys(["status", "rule", "extracted", "verifier", "finish_reason"], TEXT),
    "temperature": FLOAT,
    "top_p": FLOAT,
    "min_p": FLOAT,
    "top_k": INT,
    "max_new_tokens": INT,
    "seed": pa.int64(),
    "prompt_len": INT,
    "response_len": INT,
    "created_at": pa.timestamp("us", "UTC"),
    "generate_ms": FLOAT,
    "extra": TEXT,
}
MARKER = b'{"format":1,"uuid":"0123456789abcdef0123456789abcdef"}\n'
PLAIN, SPLIT, DELTA = {"response"}, {"logprobs"}, {"group_id"}


def rollout_id(run_id, attempt, step, writer, group_id, rollout_idx):
    key = "\x1f".join(map(str, [run_id, attempt, step, writer, group_id, rollout_idx]))
    return xxhash.xxh3_64_intdigest(key.encode()) & (2**63 - 1)


def prompt_id(dataset, prompt):
    return xxhash.xxh3_128_hexdigest(f"{dataset or ''}\x1f{prompt}".encode())


def segment_table(rows, *, run_id, writer, phase, attempt, step):
    """Return rows, dicts of some columns in the order of their keys, as schema 1 has them."""
    scores = sorted({name for row in rows for name in row if name.startswith("reward_")})
    names = [each for name in COLUMNS for each in ([name, *scores] if name == "reward" else [name])]
    place = {"run_id": run_id, "writer": writer, "phase": phase, "attempt": attempt, "step": step}
    filled = []
    for given in sorted(rows, key=lambda row: (row["group_id"], row["rollout_idx"])):
        row = given | place
        row["rollout_id"] = rollout_id(run_id, attempt, step, writer, row["group_id"], row["rollout_idx"])
        row.setdefault("prompt_id", prompt_id(row.get("dataset"), row.get("prompt")))
        for length, ids in (("prompt_len", "prompt_ids"), ("response_len", "response_ids")):
            row[length] = len(row[ids]) if row.get(ids) is not None else None
        filled.append(row)
    schema = pa.schema([pa.field(name, COLUMNS.get(name, FLOAT), name not in REQUIRED) for name in names])
    return pa.Table.from_pylist(filled, schema=schema)


def content_hash(table):
    hasher = xxhash.xxh3_128()
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name in {"created_at", "generate_ms"} or column.null_count == len(column):
            continue
        put_text(hasher, name)
        put_array(hasher, column.to_pylist(), column.type)
    return hasher.hexdigest()


def put_text(hasher, text):
    data = text.encode()
    hasher.update(struct.pack("<Q", len(data)) + data)


def put_array(hasher, values, kind):
    hasher.update(struct.pack("<Q", len(values)))
    nests = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_list(kind)
    if not nests:
        has_nulls = None in values
        hasher.update(b"\0" if has_nulls else b"\1")
        for value in values:
            mark = b"" if not has_nulls else b"\0" if value is None else b"\1"
            hasher.update(mark + (b"" if value is None else packed(value, kind)))
        return
    for value in values:
        hasher.update(b"\0" if value is None else b"\1")
        if value is not None and pa.types.is_list(kind):
            put_array(hasher, value, kind.value_type)
        elif value is not None:
            put_text(hasher, value)


def packed(value, kind):
    codes = {"bool": "?", "int16": "h", "int32": "i", "int64": "q", "halffloat": "e", "float": "f", "double": "d"}
    return struct.pack("<" + codes[str(kind)], value)


def encode(table):
    """Return a segment as bytes."""
    first = table.slice(0, 1).to_pylist()[0]
    footer = {name: str(first[name]) for name in ("run_id", "writer", "attempt", "step")}
    footer |= {"schema_version": "1", "rows": str(table.num_rows), "content_xxh3_128": content_hash(table)}
    table = table.replace_schema_metadata({f"twogrpo.{key}": value for key, value in footer.items()})
    leaves = {name: f"{name}.list.element" if pa.types.is_list(table.schema.field(name).type) else name
              for name in table.column_names}  # fmt: skip
    special = PLAIN | SPLIT | DELTA
    encodings = {"response": "PLAIN", "logprobs": "BYTE_STREAM_SPLIT", "group_id": "DELTA_BINARY_PACKED"}
    scalars = [name for name in table.column_names if pa.types.is_primitive(table.schema.field(name).type)]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level={leaves[name]: 3 if name in PLAIN else 1 for name in leaves},
        use_dictionary=[leaves[name] for name in leaves if name not in special],
        column_encoding={leaves[name]: encoding for name, encoding in encodings.items()},
        write_statistics=scalars,
        write_page_index=True,
    )
    return sink.getvalue().to_pybytes(), footer


def commit(store, table):
    """Add a segment to the store of that folder, which need not be there."""
    data, footer = encode(table)
    run, writer, step = footer["run_id"], footer["writer"], int(footer["step"])
    private, folder = store / "_twogrpo", store / f"run={run}"
    for each in (store, private, private / "log", private / "lock", private / "tmp", folder):
        each.mkdir(mode=0o700, exist_ok=True)
    with (private / "lock" / f"{run}.{writer}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.write(str(os.getpid()))
        lock.flush()
        if not (private / "store.json").exists():
            place(
                private, "marker", b'{"format":1,"uuid":"0123456789abcdef0123456789abcdef"}\n', private / "store.json"
            )
        place(private, f"{run}.{writer}", data, folder / f"step-{step:08}.{writer}.parquet")
        line = {
            "schema_version": 1,
            "run_id": run,
            "attempt": int(footer["attempt"]),
            "step": step,
            "writer": writer,
            "rows": table.num_rows,
            "bytes": len(data),
            "xxh3_128": xxhash.xxh3_128_hexdigest(data),
            "content": footer["content_xxh3_128"],
            "rewards": [name for name in table.column_names if name.startswith("reward_")],
        }
        with (private / "log" / f"{run}.{writer}.jsonl").open("ab") as log:
            log.write(checked(json.dumps(line, separators=(",", ":"))).encode() + b"\n")
            log.flush()
            os.fsync(log.fileno())


def checked(body):
    """Return a line of the log with its check."""
    return f'{body[:-1]},"check":"{xxhash.xxh3_64_hexdigest(body.encode())}"}}'


def place(private, name, data, target):
    """Put a file in its place, whole or not at all, and replace none."""
    temporary = private / "tmp" / f"{name}.{os.getpid()}-1.tmp"
    with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.link(temporary, target)
    temporary.unlink()
    folder = os.open(target.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
