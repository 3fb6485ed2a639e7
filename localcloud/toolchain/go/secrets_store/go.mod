module inference-stack/toolchain/secrets_store

go 1.25.0

require sigs.k8s.io/secrets-store-csi-driver v1.4.8
