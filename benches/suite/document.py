"""docs/performance.md, from figures that were stored. Whether a limit is reached is computed here."""

from suite.instructions import BINARY_MIB, LIMIT, TURNS
from suite.place import Failed
from suite.workloads import MANY, SIZES

COMMAND = "./benches/bench --write"
# What redisgen's design allows, at a machine where `true` takes 0.3 ms, for profiles of 12 files and 8 kB in all. In ms.
TRUE_MS = 0.3
FILES = 12
KB = 8
MANY_MS = 400


class Figures:
    """What was measured, and the words for it."""

    def __init__(self, stored):
        self.cases, self.trees, self.binary = stored["cases"], stored["trees"], stored["binary"]
        self.machine, self.building = stored["machine"], stored["building"]

    def case(self, name):
        """All of one case."""
        if name not in self.cases:
            raise Failed(f"there is no figure of {name}; {COMMAND} measures everything")
        return self.cases[name]

    def ms(self, name):
        """Median CPU time."""
        return self.case(name)["median_ms"]

    def mib(self, name):
        """Peak memory."""
        return self.case(name)["memory_kib"] / 1024

    def row(self, label, name, *more):
        """A row of a table of figures."""
        case = self.case(name)
        spread = f"{time(case['min_ms'])} to {time(case['max_ms'])}, {case['runs']} runs"
        return [label, time(case["median_ms"]), spread, f"{self.mib(name):.1f} MiB", *more]

    def tree(self, name):
        """Files and bytes that were written."""
        tree = self.trees[name]
        return f"{tree['files']} files, {tree['bytes'] / 1000:.0f} kB"

    def certificate_ms(self, profile, open_tree):
        """What secrets cost: a build, less one without them, less what only writing them costs. Of each the least time: what
        other programs do to the medians is more than this difference."""

        def least(name):
            return self.case(name)["min_ms"]

        build = least(f"{profile}/build") - least(f"{profile}/build-open")
        return build - (least(f"{profile}/floor") - least(f"{profile}/{open_tree}"))

    def per_entry_us(self, kind, size):
        """CPU time of one user and one source."""
        return 1000 * self.ms(f"large/{size}/{kind}") / size


def time(ms):
    """With three digits, as far as there are any."""
    if ms < 10:
        return f"{ms:.2f} ms"
    if ms < 100:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.2f} s"


def table(head, rows):
    """In Markdown."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows])


def limits(figures):
    """Every number of the design, and what was measured."""
    slower = figures.ms("true") / TRUE_MS

    def row(work, limit, found, words=time, pace=slower):
        paced = limit * pace
        verdict = "reached" if found <= limit else f"**not reached**, {found / limit:.2f} times"
        if paced < found:
            verdict += f", {found / paced:.2f} times at this pace"
        elif limit < found:
            verdict += "; reached at this pace"
        return [work, words(limit), words(paced), words(found), verdict]

    def micro(ms):
        return f"{1000 * ms:.1f} µs"

    def mib(figure):
        return f"{figure:.1f} MiB"

    rows = []
    for name in ("prod", "prod-minimal"):
        build, floor = figures.ms(f"{name}/build"), figures.ms(f"{name}/floor")
        rows += [
            row(f"build `{name}` with certificates, {figures.tree(name)}", 4, build),
            row(f"the same above a program that only writes these files ({time(floor)})", 2, build - floor),
            row("the same, memory", 16, figures.mib(f"{name}/build"), mib, pace=1),
        ]
    for name in ("prod", "prod-minimal"):
        many = figures.ms(f"many/{name}/folder") - figures.ms(f"many/{name}/floor")
        files, kilobytes = figures.trees[f"many-{name}"]["files"], figures.trees[f"many-{name}"]["bytes"] / 1000
        rows += [
            row(f"{MANY} times `{name}` in one process, `--no-secrets`, without writing", MANY_MS, many),
            row(f"the same, for each of its {files} files", MANY_MS / MANY / FILES, many / MANY / files, micro),
            row(f"the same, for each of its {kilobytes:.0f} kB", MANY_MS / MANY / KB, many / MANY / kilobytes, micro),
        ]
    growth = figures.per_entry_us("build", SIZES[-1]) / figures.per_entry_us("build", SIZES[0])
    rows += [
        row("10 000 users and 10 000 sources, `--no-secrets`", 300, figures.ms("large/10000/build")),
        row("one entry among 20 000, by one among 1 000", 1.2, growth, "{:.2f}".format, pace=1),
        row(
            "CA, server and client certificate (three of the four below)",
            1,
            figures.certificate_ms("certificates", "floor-open") * 3 / 4,
        ),
        row("`validate` on `prod`", 2, figures.ms("prod/validate")),
        row("the program itself", BINARY_MIB, figures.binary / (1 << 20), mib, pace=1),
        row("a release build from nothing, by the clock", 300, figures.building["release_s"], "{:.0f} s".format, pace=1),
        row("all test programs after an edit, by the clock", 60, figures.building["edit_s"], "{:.0f} s".format, pace=1),
    ]
    return table(["work", "at most", "at this pace", "measured", ""], rows)


def start(figures):
    """Programs that do nothing."""
    return [
        figures.row("`/bin/true`", "true"),
        figures.row("an empty program in Rust", "empty"),
        figures.row("`redisgen --version`", "version"),
    ]


def profile(figures, name):
    """One profile."""
    whole, without = figures.tree(name), figures.tree(f"{name}-open")
    return [
        figures.row("`validate`", f"{name}/validate"),
        figures.row(f"floor: write the same {whole}", f"{name}/floor"),
        figures.row("`build`, with passwords and certificates", f"{name}/build"),
        figures.row(f"floor: write the same {without}", f"{name}/floor-open"),
        figures.row("`build --no-secrets`", f"{name}/build-open"),
        figures.row("`build`, everything up to date", f"{name}/again"),
        figures.row("`diff`, nothing to tell", f"{name}/diff"),
        figures.row("`access`", f"{name}/access"),
        *([figures.row("`diff` after a build at another port", f"{name}/drift")] if f"{name}/drift" in figures.cases else []),
    ]


def certificates(figures):
    """An authority and three certificates."""
    return [
        figures.row("`build --no-secrets`", "certificates/build-open"),
        figures.row("`build`: passwords, an authority, three certificates", "certificates/build"),
        figures.row("`certs renew --force`: three certificates", "certificates/renew"),
        figures.row("`certs status`", "certificates/status"),
        figures.row("`openssl`: an authority, two certificates", "certificates/openssl"),
    ]


def many(figures):
    """A thousand profiles."""
    rows = []
    for name in ("prod", "prod-minimal"):
        floor = figures.ms(f"many/{name}/floor")
        rows.append(figures.row(f"floor: {MANY} times {figures.tree(f'many-{name}')}", f"many/{name}/floor", ""))
        for kind, label in (
            ("folder", f"`build FOLDER` of {MANY} times `{name}`"),
            ("project", "the same, listed in `redisgen.toml`"),
        ):
            case = f"many/{name}/{kind}"
            if case in figures.cases:
                rows.append(figures.row(label, case, time(figures.ms(case) - floor)))
    return rows


def growth(figures):
    """One profile, larger and larger."""
    rows = []
    for size in SIZES:
        row = [f"{size:,}".replace(",", " ")]
        for kind in ("floor", "validate", "build"):
            row.append(time(figures.ms(f"large/{size}/{kind}")))
        row += [f"{figures.per_entry_us('build', size):.1f} µs", f"{figures.mib(f'large/{size}/build'):.0f} MiB"]
        for kind in ("diff", "access"):
            row += [time(figures.ms(f"large/{size}/{kind}")), f"{figures.per_entry_us(kind, size):.1f} µs"]
        python = f"large/{size}/python"
        rows.append([*row, time(figures.ms(python)) if python in figures.cases else ""])
    return rows


def compare(figures):
    """What a team would write."""
    rows = []
    for case in figures.cases:
        if case.startswith("compare/"):
            _, name, count, kind = case.split("/")
            written = figures.tree(f"compare/{name}/1/{kind}")
            ratio = figures.ms(case) / figures.ms(f"compare/{name}/{count}/redisgen")
            files = int(count) * figures.trees[f"compare/{name}/1/{kind}"]["files"]
            a_file = f"{1000 * figures.ms(case) / files:.0f} µs"
            rows.append(figures.row(f"{count} × `{name}`, {kind}", case, written, a_file, f"{ratio:.2f}"))
    return rows


def parts(counts):
    """Where a build's instructions go: what one workload takes more than the one that does less."""
    count = {name: counts[name][0] for name in counts}
    further = (count["build/20-profiles"] - count["build/prod-minimal"]) / 19
    rows = [
        ("starting", count["version"]),
        ("reading and judging `prod`", count["validate/prod"] - count["version"]),
        ("planning, rendering, hashing and writing it", count["build/prod"] - count["validate/prod"]),
        ("passwords and certificates", count["build/prod/secrets"] - count["build/prod"]),
        ("`prod-minimal`, alone", count["build/prod-minimal"]),
        ("`prod-minimal`, each further one in the same process", further),
        ("so much of the first one is done once: templates compiled, facts and schema read", count["build/prod-minimal"] - further),
    ]
    return [[label, f"{found / 1e6:.1f} M"] for label, found in rows]


def instructions(counts):
    """The baseline."""
    return [[f"`{name}`", f"{count / 1e6:.2f} M", f"{spread:.2f} %"] for name, (count, spread) in counts.items()]


def page(stored, made_with, counts):
    """The whole document."""
    figures, machine = Figures(stored), stored["machine"]
    head = ["work", "CPU time", "least to most", "memory"]
    place = "in memory (tmpfs)" if machine["tmpfs"] else "**on a disk**: there was no tmpfs"
    slower = figures.ms("true") / TRUE_MS
    load = ", ".join(map(str, machine["load"]))
    return f"""\
# Performance

Written by `{COMMAND}` from what it measured; don't edit. A figure is the median CPU time, user and system, of a
whole process, with the least and the most beside it; memory is the peak of what was resident. Programs that are compared ran
in turns, so that whatever else the machine did met all of them; each size and each number of profiles is a group of its own.
The output was {place}. A *floor* is a program in Rust
(`benches/floor.rs`) that only creates and writes the same files: what no program can do without.

redisgen was that of commit {machine["commit"]}, linked {machine["linked"]}. A plain release build is linked dynamically; that of the
release archive statically, and with musl instead of the machine's C library: `packaging/package.sh FOLDER`, then
`REDISGEN=FOLDER/redisgen-VERSION-TARGET/redisgen {COMMAND}` measures it.

Measured on {machine["date"]}: {machine["cores"]} cores of {machine["model"]}, {machine["memory_gib"]} GiB, Linux {machine["kernel"]}, load {load}; rustc
{machine["rustc"]}, {machine["host"]}, C library {machine["libc"]}, Python {machine["python"]}, bash {machine["bash"]}, OpenSSL {machine["openssl"]}.

## What the design allows

The limits were set where `true` took {TRUE_MS} ms. Here it took {figures.ms("true"):.2f} ms, {slower:.1f} times as long: *at this pace* is the limit times
that, a rough measure, since `true` mostly loads and ends. They were set for {FILES} files, {KB} kB in all; how many more are written
today is in the table. Whether one is reached is said of the limit itself.

{limits(figures)}

## Start-up

{table(head, start(figures))}

## One profile

`fixtures/ok/prod.yaml`, which has all sections but `extends` and `waivers`:

{table(head, profile(figures, "prod"))}

`fixtures/ok/prod-minimal.yaml`, three lines:

{table(head, profile(figures, "prod-minimal"))}

## Certificates

A profile with an authority and three certificates (server, health check, one client), ECDSA P-256. What all four cost is
`build` less `build --no-secrets` less the writing of their files, by the least time of each: {time(figures.certificate_ms("certificates", "floor-open"))}, passwords included.

{table(head, certificates(figures))}

## Many profiles in one process

{table([*head, "without the floor"], many(figures))}

## One large profile

With so many users and as many sources, `--no-secrets`; `diff` is of a build at another port, `access` reads an ACL file with so many users. Linear growth is the
same time for an entry on every line. Python is the script of the next table.

{table(["users, sources", "floor", "`validate`", "`build`", "an entry", "memory", "`diff`", "an entry", "`access`", "a user", "Python"], growth(figures))}

## What a team would write instead

`benches/alternatives/compile.py`: PyYAML with its C parser, jsonschema with our published schema, jinja2.
`benches/alternatives/compile.sh`: bash, variables and text; it reads no profile, so that it only stands beside the small one.
Both write the twelve files that a deployment needs first, for the small profile of the same length as redisgen's; of `prod`,
Python's are {figures.trees["compare/prod/1/python"]["bytes"] / 1000:.0f} kB and redisgen's {figures.trees["compare/prod/1/python"]["ours"] / 1000:.0f}. redisgen (`--no-secrets`) always writes all of its own. Neither judges a profile beyond the schema, knows engines and advisories, computes what an ACL
grants, encodes hostile strings, writes atomically, nor makes passwords and certificates. Each line is one process; the
ratio is to redisgen's time, above 1 means slower than redisgen.

{table([*head, "a profile's files", "a file", "ratio"], compare(figures))}

## Where the time goes

{table(["part", "instructions"], parts(counts))}

## Instructions

Counted by callgrind: they repeat where times do not. `./benches/bench --instructions` counts again and fails where one grew by
more than {LIMIT} %; `./benches/bench --update` takes the counts as the baseline, `benches/instructions.tsv`. The spread is between {TURNS} runs:
passwords and keys are random. valgrind's processor has no SHA instructions, so that SHA-256 counts for more than it takes.
Counted with rustc {made_with["rustc"]}, {made_with["host"]}, C library {made_with["libc"]}, {made_with["linked"]} linked,
a processor with {made_with["processor"]}, valgrind {made_with["valgrind"]}.

{table(["work", "instructions", "spread"], instructions(counts))}
"""
