// Package packaging holds the tests of what is shipped beside the binary: the
// container image, the systemd unit, the Kubernetes manifests and the documents.
package packaging
