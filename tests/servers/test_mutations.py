"""Broken messages by the thousand, over UDP and TCP, half of them signed with a valid
key: no crash, no report of a sanitizer, every answer is a message, and good updates go
on.

MUTATIONS in the environment: how many, 20000 unless it says otherwise.  MUTATION_SEED: where
the random numbers begin; the test prints it.  The program is tests/bench/mutate of the folder
MUSTER_BUILD, else of the one that musterd is in.
"""

import json
import os
import random
import subprocess

import pytest

from gateway import PROGRAM, TOP_FOLDER, SharedKey
from servers import wait_for

COUNT = int(os.environ.get("MUTATIONS", "20000"))
SEED = int(os.environ.get("MUTATION_SEED", "0")) or random.randrange(1, 1 << 30)
MUTATE = os.path.join(os.environ.get("MUSTER_BUILD") or os.path.dirname(PROGRAM),
                      "tests", "bench", "mutate")
PER_SECOND = 500  # and more, on any machine that tests run on
SEEDS = ["tests/vectors", "tests/fuzz/corpus/tsig", "tests/fuzz/corpus/update",
         "tests/fuzz/corpus/answer"]
NARROW = {"keys": ["narrow."], "match": "subdomain", "names": ["host1"], "types": ["A", "TXT"],
          "data": ["192.0.2.0/24"], "max_records": 4}


def test_mutations(gateways, admin):
    """The zones are those of the seeds; one key may do everything, one little."""
    if not os.access(MUTATE, os.X_OK):
        pytest.skip(f"{MUTATE} is not there")
    keys = [admin, SharedKey("narrow.", "hmac-sha512")]
    rules = [NARROW, {"keys": [admin.name], "match": "zone", "types": ["ANY"],
                      "transfer": True}]
    gateway = gateways(keys=keys, zones={zone: {"allow": rules} for zone in
                                         ("alive.test.", "dyn.example.", "example.")})
    print(f"MUTATION_SEED={SEED} MUTATIONS={COUNT}")
    done = subprocess.run(
        [MUTATE, "-p", str(gateway.port), "-k", gateway.key_path(keys[0]),
         "-k", gateway.key_path(keys[1]), "-z", "alive.test.", "-n",
         str(COUNT), "-r", str(SEED), *(os.path.join(TOP_FOLDER, path) for path in SEEDS)],
        capture_output=True, text=True, timeout=60 + COUNT / PER_SECOND, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr + gateway.log()[-2000:]
    result = json.loads(done.stdout)
    assert result["sent"] == COUNT and result["alive"] and result["unsound"] == 0
    # It would prove little if most got lost, or none got behind the signature.
    assert result["answered"] > COUNT / 4
    assert result["signed"] > COUNT / 3
    assert len(gateway.audit()) > result["good"] + COUNT / 100
    assert gateway.axfr("dyn.example.", admin)
    gateway.stop()  # and what it keeps of all that is sound
    gateway.start()
    wait_for(lambda: gateway.query("dyn.example.", "SOA").answer, "the zone")
    gateway.stop()
