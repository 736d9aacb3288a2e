# One image for the API, every worker, the generator and the `pipeline` command. Alone it is the API:
#   docker build -t feature-stream . && docker run -p 7860:7860 feature-stream
# With what training needs (`pipeline retrain`): --build-arg LOCK=requirements-training.lock
FROM python:3.11-slim AS build
ARG LOCK=requirements-image.lock
RUN python -m venv /opt/venv
COPY ${LOCK} /build/lock
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /build/lock
COPY . /build/source
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps /build/source

FROM python:3.11-slim
# 1000 is the user that a Hugging Face Space runs every image as.
RUN useradd --uid 1000 --create-home pipeline \
    && mkdir -p /data /lookups /models /passwords \
    && chown pipeline /data /lookups /models /passwords
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PIPELINE_DATA=/data \
    PIPELINE_LOOKUPS=/lookups \
    PIPELINE_MODELS=/models \
    PIPELINE_METRICS_HOST=0.0.0.0 \
    PIPELINE_METRICS_PORT=9100 \
    PIPELINE_HTTP_HOST=0.0.0.0 \
    PIPELINE_HTTP_PORT=7860
# By number, so that Kubernetes can see that it is not root.
USER 1000
WORKDIR /home/pipeline
EXPOSE 7860 9100
CMD ["pipeline", "api"]
