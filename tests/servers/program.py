"""Our own programs, musterd and muster-agent, as processes: they end with status 0, and no
sanitizer has anything to say of them."""

import glob
import os
import signal
import subprocess

from servers import STOP_TIMEOUT_S, wait_for


class Program:
    """What both have in common.  They know their folder, path(), log(), and process."""

    leaks = True  # looked for at the end?

    def environment(self):
        report = self.path("sanitizer")
        return {**os.environ,
                "ASAN_OPTIONS": f"log_path={report}:detect_leaks={int(self.leaks)}",
                "UBSAN_OPTIONS": f"log_path={report}:print_stacktrace=1",
                "TSAN_OPTIONS": f"log_path={report}:second_deadlock_stack=1"}

    def assert_runs(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"exit status {self.process.returncode}:\n"
                               f"{self.log()[-4000:]}{self.sanitizer_reports()[:8000]}")

    def reload(self):
        """Returns when it has read its configuration, with the lines that it logged since."""
        before = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        return wait_for(lambda: self.reload_lines(before), "the reload")

    def reload_lines(self, start):
        """The log from there on, once a reload has been completed in it."""
        new = self.log()[start:]
        done = "configuration reloaded" in new or "configuration stays" in new
        return new if done else ""

    def end(self, signum):
        """In order, which is asserted."""
        process, self.process = self.process, None
        process.send_signal(signum)
        try:
            code = process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)
            code = "none, it had to be killed"
        assert code == 0, f"exit status {code}:\n{self.log()[-4000:]}\n" \
            f"{self.sanitizer_reports()[:8000]}"

    def check(self):
        """Asserts that no sanitizer has reported anything."""
        reports = self.sanitizer_reports()
        assert not reports, reports[:20000]

    def sanitizer_reports(self):
        reports = ""
        for path in sorted(glob.glob(self.path("sanitizer") + "*")):
            with open(path, errors="replace") as file:
                reports += f"{path}:\n{file.read()}"
        return reports


class Programs:
    """Makes programs of a kind in folders of their own, and ends all of them."""

    def __init__(self, folder, kind):
        self.folder = str(folder)
        self.kind = kind
        self.made = []

    def make(self, *args, folder=None, **options):
        """One that does not run yet."""
        folder = folder or os.path.join(self.folder, f"program{len(self.made)}")
        self.made.append(self.kind(folder, *args, **options))
        return self.made[-1]

    def __call__(self, *args, **options):
        return self.make(*args, **options).start()

    def close(self):
        failures = []
        for program in self.made:
            try:
                program.stop()
            except AssertionError as failure:
                failures.append(str(failure))
        assert not failures, "\n".join(failures)
