# Hash-locked packages in a virtual environment, built apart so that no build tool is in the image that runs.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
RUN python3 -m venv /venv
COPY requirements ./requirements
RUN /venv/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements/base.txt
COPY pyproject.toml README.md ./
COPY bot ./bot
COPY handlers ./handlers
COPY services ./services
COPY payments ./payments
COPY models ./models
COPY vault ./vault
COPY web ./web
COPY sandbox ./sandbox
COPY texts ./texts
COPY migrations ./migrations
RUN /venv/bin/python -m pip install --no-cache-dir --no-index --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm
# pg_dump and pg_restore for `plecho backup`; their version is that of compose.yaml's server.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-15 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/plecho --shell /usr/sbin/nologin plecho \
    && install --directory --mode 700 --owner plecho /var/lib/plecho
COPY --from=build /venv /venv
ENV PLECHO_DATA_DIR=/var/lib/plecho \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER plecho
WORKDIR /var/lib/plecho
VOLUME /var/lib/plecho
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s CMD ["/venv/bin/plecho", "doctor", "--quick"]
ENTRYPOINT ["/venv/bin/plecho"]
CMD ["run"]
