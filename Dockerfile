# The image of the agent: three stages, of which only the last one ships.
#
# A release pins the base images by digest: --build-arg PYTHON_DIGEST=@sha256:… --build-arg GO_DIGEST=@sha256:…
ARG PYTHON_DIGEST=""
ARG GO_DIGEST=""

# helm and kustomize, from source: go.sum pins every module they are made of, and GOFLAGS forbids to change it.
FROM golang:1.26.6-trixie${GO_DIGEST} AS tools
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly
ARG HELM_VERSION=4.3.1
WORKDIR /src
COPY gitops_agent/toolchain/gotools/go.mod gitops_agent/toolchain/gotools/go.sum ./
RUN go build -trimpath -o /out/helm \
        -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=v${HELM_VERSION} -X helm.sh/helm/v4/internal/version.gitTreeState=clean" \
        helm.sh/helm/v4/cmd/helm \
    && go build -trimpath -ldflags "-s -w" -o /out/kustomize sigs.k8s.io/kustomize/kustomize/v5

# The package and what it needs, every file of it by hash.
FROM python:3.13-slim-trixie${PYTHON_DIGEST} AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements requirements
# `--build-arg REQUIREMENTS=tracing` adds what sends traces, `sigstore` what verifies signatures without keys.
ARG REQUIREMENTS=runtime
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-deps --require-hashes -r requirements/dev.lock \
    && python -m venv /opt/gitops-agent && /opt/gitops-agent/bin/pip install --no-deps --require-hashes -r requirements/${REQUIREMENTS}.lock
COPY pyproject.toml README.md LICENSE ./
COPY deploy deploy
COPY examples examples
COPY gitops_agent gitops_agent
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/gitops-agent/bin/pip install --no-deps --no-index /wheels/*.whl \
    && /opt/gitops-agent/bin/pip uninstall --yes pip

FROM python:3.13-slim-trixie${PYTHON_DIGEST}
# ssh refuses to work for a user without an entry in the passwd file.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git gpgv openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 65532 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin agent
COPY --from=tools /out/helm /out/kustomize /usr/local/bin/
COPY --from=builder /opt/gitops-agent /opt/gitops-agent
# The root may be read-only: what is written goes to /tmp and to the cache, and Python compiles nothing at run time.
ENV PATH=/opt/gitops-agent/bin:$PATH HOME=/tmp XDG_CACHE_HOME=/var/cache PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["gitops-agent"]
CMD ["run"]
