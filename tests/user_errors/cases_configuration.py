"""Mistakes on the command line and in a configuration: all of them are found before anything is written."""

from tests.user_errors.case import Case
from tests.user_errors.world import SOURCES, online


def written(name, content):
    """Return a preparation that writes a file."""

    def prepare(folder):
        path = folder / name
        path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)

    return prepare


COMMAND_LINE = [
    Case(
        did="name a command that is not there", words=("onlin",), code=2, says=("No such command 'onlin'", "'online'")
    ),
    Case(did="give a flag that is not there", words=("online", "--fats"), code=2, says=("No such option: --fats",)),
    Case(did="leave out the answer of `verify`", words=("verify",), code=2, says=("Missing argument",)),
    Case(did="leave out the gold of `verify`", words=("verify", "1"), code=2, says=("--gold is missing",)),
    Case(
        did="name a profile that is not there",
        words=("verify", "1", "--gold", "1", "--profile", "lax"),
        code=2,
        says=("--profile", "'lax'", "'rl'"),
    ),
    Case(
        did="give a word that is neither a file nor `key=value`",
        words=("online", "small.yaml", "fast"),
        code=2,
        says=("`fast` is neither", "key=value"),
    ),
    Case(
        did="give both `--resume` and `--force`",
        words=(*online(), "--resume", "--force"),
        code=2,
        says=("--resume", "--force", "one of them"),
    ),
    Case(
        did="give a negative number to `pairs --show`",
        words=("pairs", "run", "--show", "-1"),
        needs="run",
        code=2,
        says=("--show",),
    ),
    Case(
        did="let `demo` write over something that no demo has made",
        words=("demo", "--dir", "mine"),
        prepare=lambda folder: (folder / "mine" / "online").mkdir(parents=True),
        code=2,
        says=("mine/online", "no demo has made it", "--dir"),
    ),
    Case(
        did="name a file as the folder of `demo`",
        words=("demo", "--dir", "problems.jsonl"),
        code=2,
        says=("--dir problems.jsonl is a file",),
    ),
]

CONFIGURATION = [
    Case(
        did="mistype a key",
        words=online("rollout.group_sze=2"),
        code=2,
        says=("unknown key rollout.group_sze", "did you mean rollout.group_size?"),
    ),
    Case(
        did="use a key of another trainer",
        words=online("num_generations=2"),
        code=2,
        says=("unknown key num_generations", "in twogrpo this is rollout.group_size"),
    ),
    Case(
        did="use a key that nobody knows",
        words=("config", "show", "colour=blue"),
        code=2,
        says=("unknown key colour", "config show"),
    ),
    Case(
        did="give a word where a number belongs",
        words=online("train.steps=many"),
        code=2,
        says=("train.steps='many'", "integer"),
    ),
    Case(
        did="give a number that is not finite",
        words=online("train.learning_rate=nan"),
        code=2,
        says=("train.learning_rate", "finite"),
    ),
    Case(
        did="give a value that is not one of the choices",
        words=online("reward.profile=lax"),
        code=2,
        says=("reward.profile='lax'", "'rl'"),
    ),
    Case(did="give a value to a section", words=online("train=3"), code=2, says=("train=3",)),
    Case(
        did="give a value that is not YAML",
        words=online("train.steps=[1"),
        code=2,
        says=("cannot be read as YAML",),
        theirs="while parsing.*",
    ),
    Case(
        did="ask for one rollout a prompt",
        words=online("rollout.group_size=1"),
        code=2,
        says=("rollout.group_size=1", "2"),
    ),
    Case(
        did="ask for updates that the batch cannot be divided into",
        words=online("train.rollouts_per_update=5"),
        code=2,
        says=("train.rollouts_per_update=5", "12 rollouts", "use 2 or 4 or 6"),
    ),
    Case(
        did="give both steps and epochs",
        words=online("train.epochs=2"),
        code=2,
        says=("steps=3", "epochs=2.0", "one of them"),
    ),
    Case(
        did="give a token budget that holds no response",
        words=online("train.token_budget=8"),
        code=2,
        says=("train.token_budget=8", "rollout.max_new_tokens=8"),
    ),
    Case(
        did="name a model and no data",
        words=("online", "run_dir=run", "model.path=model"),
        code=2,
        says=("data.path is missing",),
    ),
    Case(
        did="name a configuration file that is not there",
        words=("online", "none.yaml"),
        code=2,
        says=("none.yaml", "no such configuration file", "config show"),
    ),
    Case(
        did="name a folder as the configuration file",
        words=("online", "model"),
        code=2,
        says=("model: not a readable YAML file",),
        theirs=r"\[Errno.*",
    ),
    Case(
        did="give a configuration file that is not YAML",
        words=("online", "mine.yaml"),
        prepare=written("mine.yaml", "train: [1"),
        code=2,
        says=("mine.yaml: not a readable YAML file",),
        theirs="while parsing.*",
    ),
    Case(
        did="give a configuration file that is not UTF-8",
        words=("online", "mine.yaml"),
        prepare=written("mine.yaml", b"\xff\xfe\x00"),
        code=2,
        says=("mine.yaml: not a readable YAML file",),
        theirs="'utf-8' codec.*",
    ),
    Case(
        did="give a configuration file that holds a list",
        words=("online", "mine.yaml"),
        prepare=written("mine.yaml", "- train"),
        code=2,
        says=("mine.yaml: found a list", "mapping"),
    ),
    Case(
        did="use `data.system` without a chat template",
        words=online("data.system=Think.", "data.template=none"),
        code=2,
        says=("data.system needs a chat template", "data.suffix"),
    ),
    Case(
        did="mistype a key of `dpo`",
        words=("dpo", "run", "run_dir=dpo", "dpo.betta=0.1"),
        needs="run",
        code=2,
        says=("unknown key dpo.betta", "dpo.beta"),
    ),
    Case(
        did="mistype a key of `pairs`",
        words=("pairs", "run", "pairs.strategi=all"),
        needs="run",
        code=2,
        says=("unknown key pairs.strategi", "pairs.strategy"),
    ),
    Case(
        did="mistype a key for `--dry-run`",
        words=("online", *SOURCES, "rolout.group_size=2", "--dry-run"),
        code=2,
        says=("unknown key rolout", "did you mean rollout?"),
    ),
]
