"""What is timed. A group is measured interleaved; each group brings its own floor, so that both saw the same machine."""

from suite import alternatives, profiles
from suite.measure import Case, interleaved, once, packed, same

SIZES = (1000, 5000, 10_000, 20_000)
MANY = 1000


class Bench:
    """One run of everything: the room, the program, the figures so far."""

    def __init__(self, room, tools, program, runs):
        self.room, self.tools, self.program = room.path, tools, program
        self.runs = runs
        self.cases, self.trees = {}, {}

    def measure(self, cases, runs):
        """Runs the cases of a group."""
        self.cases.update(interleaved(self.tools / "spawn", self.room, cases, self.runs or runs))

    def run(self, name, arguments, **options):
        """A case of the program."""
        return Case(name, [self.program, *arguments], self.room, **options)

    def wrote(self, name, arguments, output):
        """Runs the program once, and keeps what it wrote as a list for the floor."""
        once(self.tools / "spawn", self.room, self.run(name, arguments, output=output))
        self.trees[name] = packed(output, self.room / f"{name}.list")
        same(self.tools / "spawn", self.room, self.floor(name, name, self.room / "copy"), self.room / f"{name}.list")

    def floor(self, name, tree, output, folders=None):
        """A case that writes the same files."""
        into = [output] if folders is None else [output / folder for folder in folders]
        before = None if folders is None else output.mkdir
        return Case(name, [self.tools / "floor", self.room / f"{tree}.list", *into], self.room, output, before)

    def drift(self, name, file, text):
        """A case of `diff` on a tree that was built at another port."""
        moved, built = self.room / f"moved-{file}", self.room / f"moved-{file}.built"
        moved.write_text(profiles.moved(text), encoding="utf-8")
        once(self.tools / "spawn", self.room, self.run(name, ["build", moved, "--no-secrets", "--out", built], output=built))
        return self.run(name, ["diff", file, "--out", built], code=1)

    def start(self):
        """Start-up, beside programs that do nothing."""
        self.measure(
            [
                Case("true", ["/bin/true"], self.room),
                Case("empty", [self.tools / "empty"], self.room),
                self.run("version", ["--version"]),
            ],
            runs=40,
        )

    def profile(self, name):
        """One profile: with its secrets, without, again, and what reads the result."""
        file, out, built = f"{name}.yaml", self.room / "out", self.room / f"built-{name}"
        (self.room / file).write_text(profiles.fixture(name), encoding="utf-8")
        self.wrote(name, ["build", file, "--out", out], out)
        self.wrote(f"{name}-open", ["build", file, "--no-secrets", "--out", out], out)
        self.wrote(f"{name}-kept", ["build", file, "--out", built], built)
        del self.trees[f"{name}-kept"]
        drift = [self.drift(f"{name}/drift", file, profiles.fixture(name))] if name == "prod" else []
        self.measure(
            [
                self.run(f"{name}/validate", ["validate", file]),
                self.floor(f"{name}/floor", name, out),
                self.run(f"{name}/build", ["build", file, "--out", out], output=out),
                self.floor(f"{name}/floor-open", f"{name}-open", out),
                self.run(f"{name}/build-open", ["build", file, "--no-secrets", "--out", out], output=out),
                self.run(f"{name}/again", ["build", file, "--out", built]),
                self.run(f"{name}/diff", ["diff", file, "--out", built]),
                self.run(f"{name}/access", ["access", file]),
                *drift,
            ],
            runs=20,
        )

    def certificates(self):
        """Certificates alone, and as people make them with openssl."""
        file, out, built = "certificates.yaml", self.room / "out", self.room / "built-certificates"
        (self.room / file).write_text(profiles.CERTIFICATES, encoding="utf-8")
        self.wrote("certificates", ["build", file, "--out", built], built)
        self.wrote("certificates-open", ["build", file, "--no-secrets", "--out", out], out)
        self.measure(
            [
                self.floor("certificates/floor", "certificates", out),
                self.run("certificates/build", ["build", file, "--out", out], output=out),
                self.floor("certificates/floor-open", "certificates-open", out),
                self.run("certificates/build-open", ["build", file, "--no-secrets", "--out", out], output=out),
                self.run("certificates/renew", ["certs", "renew", "--force", file, "--out", built]),
                self.run("certificates/status", ["certs", "status", file, "--out", built]),
                alternatives.openssl(self.room, out),
            ],
            # What certificates cost is a small difference of larger figures.
            runs=40,
        )

    def many(self, name):
        """A thousand profiles in one process: a folder of them, and a project that lists them."""
        folder, out = self.room / f"many-{name}", self.room / "out"
        names = profiles.many(profiles.fixture(name), folder, MANY)
        one = folder / f"{names[0]}.yaml"
        self.wrote(f"many-{name}", ["build", one, "--no-secrets", "--out", out], out)
        cases = [
            self.floor(f"many/{name}/floor", f"many-{name}", out, names),
            self.run(f"many/{name}/folder", ["build", folder, "--no-secrets", "--out", out], output=out),
        ]
        if name == "prod-minimal":
            listed = self.room / "project"
            profiles.project(listed, profiles.many(profiles.fixture(name), listed, MANY))
            build = [self.program, "build", "--no-secrets"]
            cases.append(Case(f"many/{name}/project", build, listed, output=listed / "deploy"))
        self.measure(cases, runs=3)

    def growth(self):
        """One profile with many users and as many sources."""
        for size in SIZES:
            file, out, tree = f"large-{size}.yaml", self.room / "out", f"large-{size}"
            (self.room / file).write_text(profiles.large(size), encoding="utf-8")
            self.wrote(tree, ["build", file, "--no-secrets", "--out", out], out)
            self.measure(
                [
                    self.floor(f"large/{size}/floor", tree, out),
                    self.run(f"large/{size}/validate", ["validate", file]),
                    self.run(f"large/{size}/build", ["build", file, "--no-secrets", "--out", out], output=out),
                    self.drift(f"large/{size}/diff", file, profiles.large(size)),
                ],
                runs=10 if size <= 1000 else 3,
            )
            if size <= 10_000:
                slow = alternatives.python(f"large/{size}/python", self.room, [self.room / file], out)
                self.measure([slow], runs=3)
        for users in SIZES:
            (self.room / f"users-{users}.acl").write_text(profiles.acl(users), encoding="utf-8")
            command = ["access", "--engine", "redis-7.4", f"users-{users}.acl"]
            self.measure([self.run(f"large/{users}/access", command)], runs=10 if users <= 1000 else 3)

    def compare(self):
        """The same profiles compiled by what a team would write; bash cannot read a profile, so that it has its own values."""
        for name in alternatives.PROFILES:
            for count, runs in ((1, 10), (100, 3), (1000, 3)):
                self.compared(name, count, runs)

    def compared(self, name, count, runs):
        """So many profiles, each tool in one process."""
        out, folder = self.room / "out", self.room / f"compare-{name}-{count}"
        names = profiles.many(profiles.fixture(name), folder, count)
        files = [folder / f"{each}.yaml" for each in names]
        group = f"compare/{name}/{count}"
        cases = [
            self.run(f"{group}/redisgen", ["build", folder, "--no-secrets", "--out", out], output=out),
            alternatives.python(f"{group}/python", self.room, files, out),
        ]
        if name == alternatives.BASH:
            cases.append(alternatives.bash(f"{group}/bash", self.room, names, out))
        ours = {}
        for case in cases if count == 1 else []:
            once(self.tools / "spawn", self.room, case)
            self.trees[case.name] = packed(out, self.room / "compare.list")
            wrote = {path.relative_to(out): path.stat().st_size for path in out.rglob("*") if path.is_file()}
            ours = ours or wrote
            self.trees[case.name]["ours"] = alternatives.comparable(case.name, name, ours, wrote)
        self.measure(cases, runs)

    def groups(self):
        """All of them, by name."""
        return {
            "start": self.start,
            "prod": lambda: self.profile("prod"),
            "prod-minimal": lambda: self.profile("prod-minimal"),
            "certificates": self.certificates,
            "many-prod": lambda: self.many("prod"),
            "many-prod-minimal": lambda: self.many("prod-minimal"),
            "growth": self.growth,
            "compare": self.compare,
        }
