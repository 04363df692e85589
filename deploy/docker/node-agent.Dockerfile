# The node agent, for hosts where people prefer a container to a unit. After `npm run package`:
#
#   docker build --tag davit/node-agent:VERSION --build-arg ARCH=x64 --file deploy/docker/node-agent.Dockerfile out
#
# It sets up networks, mounts and rules of the machine itself, so it runs privileged, in the machine's own network and process
# namespaces. Docker mounts pods' files by their paths on the machine: the state directory must have the same path inside and outside,
# and what the agent mounts in it must be seen outside (rshared). /run/xtables.lock is what keeps it and the machine's other users of
# iptables apart.
#
#   mkdir -p /var/lib/davit /etc/davit     # the join token goes to /etc/davit/join-token, mode 0600
#   docker run --detach --name davit-node-agent --restart unless-stopped --stop-timeout 15 \
#     --privileged --network host --pid host \
#     --mount type=bind,source=/var/lib/davit,target=/var/lib/davit,bind-propagation=rshared \
#     --mount type=bind,source=/etc/davit,target=/etc/davit \
#     --mount type=bind,source=/run,target=/run \
#     --volume /lib/modules:/lib/modules:ro \
#     --log-opt max-size=20m --log-opt max-file=5 \
#     davit/node-agent:VERSION --server https://10.0.0.1:6443 --ca-hash sha256:… --token-file /etc/davit/join-token
#
# Its data plane (DNS) runs in the same container and is away while the container restarts; with a unit it is not.
FROM debian:bookworm-slim

RUN apt-get update \
 && apt-get install --yes --no-install-recommends conntrack iproute2 iptables kmod mount util-linux \
 && rm -rf /var/lib/apt/lists/*

ARG ARCH=x64
COPY node-agent-linux-${ARCH} /usr/local/bin/davit-node-agent
COPY node-agent.THIRD-PARTY-LICENSES.txt /usr/local/share/doc/davit-node-agent/THIRD-PARTY-LICENSES.txt

STOPSIGNAL SIGTERM
ENTRYPOINT ["davit-node-agent"]
