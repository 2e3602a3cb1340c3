package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"

	"github.com/redstuff-go/redstuff/node/identity"
)

// Modes of files: what holds a secret is for its owner alone.
const (
	secret os.FileMode = 0o600
	public os.FileMode = 0o644
)

// createFile writes a new file, durably. It refuses to replace one.
func createFile(name string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// createKey writes a key's secret.
func createKey(name string, key *identity.Key) error {
	text := key.Reveal()
	return createFile(name, append(text, '\n'), secret)
}

// certificatePEM returns the certificate by which TLS knows the key.
func certificatePEM(key *identity.Key) []byte {
	der := key.ServerTLS().Certificates[0].Certificate[0]
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// identityPEM returns the certificate and its secret, for HTTP clients such as curl.
func identityPEM(key *identity.Key) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key.ServerTLS().Certificates[0].PrivateKey)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(certificatePEM(key))
	err = pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return b.Bytes(), err
}
