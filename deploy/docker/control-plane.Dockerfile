# The control plane. After `npm run package`:
#
#   docker build --tag davit/control-plane:VERSION --file deploy/docker/control-plane.Dockerfile out/control-plane
#
# `davit init` makes the compose project that runs it. It needs no more than its own files and the network: run it with a read-only
# root, without capabilities, as any user.
FROM node:22-alpine

COPY control-plane.cjs THIRD-PARTY-LICENSES.txt /usr/local/lib/davit/
COPY proto /usr/local/lib/davit/proto
COPY control-plane /usr/local/bin/

# Whoever it runs as keeps its data here, where no volume brings an owner of its own.
RUN mkdir -p /var/lib/davit && chmod 1777 /var/lib/davit

USER 65532:65532
EXPOSE 6443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["control-plane", "health"]
ENTRYPOINT ["control-plane"]
