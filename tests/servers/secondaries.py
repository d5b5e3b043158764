"""Real servers that follow a primary: they have no zone file, and learn by NOTIFY."""

from servers import HOST, Bind, Knot


class BindSecondary(Bind):
    """named as secondary of the server at primary_port, with keys[0]."""

    def __init__(self, folder, primary_port, zone="dyn.example.", keys=(), port=None):
        super().__init__(folder, {zone: ""}, keys, port)
        self.primary_port = primary_port

    def prepare(self):
        super().prepare()
        with open(self.path("named.conf")) as file:
            config = file.read()
        config = config[:config.index("\nzone ")]
        for zone in self.zones:
            config += f"""
zone "{zone}" {{
	type secondary;
	file "{zone}secondary";
	primaries {{ {HOST} port {self.primary_port} key "{self.keys[0].name.rstrip(".")}"; }};
	masterfile-format text;
	min-refresh-time 3600;
	request-ixfr yes;
}};
"""
        self.write("named.conf", config)


class KnotSecondary(Knot):
    """knotd as secondary of the server at primary_port, with keys[0]."""

    def __init__(self, folder, primary_port, zone="dyn.example.", keys=(), port=None):
        super().__init__(folder, {zone: ""}, keys, port)
        self.primary_port = primary_port

    def prepare(self):
        super().prepare()
        with open(self.path("knot.conf")) as file:
            config = file.read()
        config = config[:config.index("acl:\n")] + f"""\
acl:
  - id: notifier
    action: notify
    address: {HOST}
remote:
  - id: primary
    address: {HOST}@{self.primary_port}
    key: {self.keys[0].name}
zone:
"""
        for zone in self.zones:
            config += f"""\
  - domain: {zone}
    storage: {self.folder}
    master: primary
    acl: notifier
"""
        self.write("knot.conf", config)
