# The dispatcher as one static binary in an otherwise empty image, for amd64 and
# arm64. It runs with a read-only root: all that it writes is under /data.

FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=devel
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH make rootfs ROOTFS=/rootfs VERSION=$VERSION

FROM scratch
ARG VERSION=devel
LABEL org.opencontainers.image.title="CISO Assistant Dispatcher" \
      org.opencontainers.image.description="Carries out Kafka messages on CISO Assistant: each once, in order, or reported with a reason" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /rootfs/etc /etc
COPY --from=build /rootfs/usr /usr
COPY --from=build --chown=65532:65532 /rootfs/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
# Below the volume, not the volume itself: its rights are set to 0700, which only
# the owner of a directory may do, and the root of a volume may be another's.
ENV DATA_DIR=/data/dispatcher
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/dispatcher", "health"]
ENTRYPOINT ["/usr/local/bin/dispatcher"]
CMD ["run"]
