"""A Ray cluster of two nodes on this machine: `python ray_cluster.py PORT`, told what to do by lines on stdin.

kill    the second node dies, as after a power cut
add     another second node
(end)   everything ends
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster


def main(port: int) -> None:
    node = {"num_cpus": 2, "node_ip_address": "127.0.0.1", "object_store_memory": 80_000_000}
    head = {**node, "include_dashboard": True, "dashboard_host": "127.0.0.1", "dashboard_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(**node)
    print("ready", flush=True)
    try:
        for line in sys.stdin:
            if line.strip() == "kill":
                cluster.remove_node(second, allow_graceful=False)
            else:
                second = cluster.add_node(**node)
            print(line.strip(), flush=True)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
