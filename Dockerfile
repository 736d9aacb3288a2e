# One image for every worker, the generator and the `pipeline` command.
FROM python:3.11-slim AS build
RUN python -m venv /opt/venv
COPY requirements-image.lock /build/
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /build/requirements-image.lock
COPY . /build/source
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps /build/source

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home pipeline \
    && mkdir -p /data /lookups \
    && chown pipeline /data /lookups
COPY --from=build /opt/venv /opt/venv
COPY models /models
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PIPELINE_DATA=/data \
    PIPELINE_LOOKUPS=/lookups \
    PIPELINE_MODELS=/models \
    PIPELINE_METRICS_HOST=0.0.0.0 \
    PIPELINE_METRICS_PORT=9100
USER pipeline
WORKDIR /home/pipeline
CMD ["pipeline", "--help"]
