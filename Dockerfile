# The server over HTTP. The clinic is a volume; the issuer's key is a file mounted read-only.
#
#   docker run -p 8765:8765 -v clinic:/clinic -v ./issuer.jwks.json:/run/secrets/issuer:ro \
#     -e PEDAXR_AUTH_ISSUER=https://login.example.org -e PEDAXR_PUBLIC_URL=https://pedaxr.example.org/mcp pedaxr
FROM python:3.12-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY models models
COPY tools tools
COPY server server
# The serving set: networks run as compiled graphs, without PyTorch.
RUN python -m venv /pedaxr && /pedaxr/bin/pip install --no-cache-dir -c constraints.txt '.[pacs]'

FROM python:3.12-slim-bookworm
# Hangul, for names on overlay pictures and in PDFs.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends fonts-nanum && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin pedaxr \
    && install -d -o pedaxr -g pedaxr -m 0750 /clinic
COPY --from=build /pedaxr /pedaxr
ENV PATH=/pedaxr/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    PEDAXR_HOME=/clinic \
    PEDAXR_TRANSPORT=http \
    PEDAXR_HOST=0.0.0.0 \
    PEDAXR_WARM=true \
    PEDAXR_AUTH_KEY_FILE=/run/secrets/issuer
USER 10001:10001
VOLUME /clinic
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["pedaxr"]
CMD ["serve"]
