package identity

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
)

// ErrStranger is returned when the other end of a TLS connection has another key than
// the one expected there.
var ErrStranger = errors.New("identity: unexpected TLS key")

// Who a TLS connection comes from is told by its ed25519 key alone, which the
// committee's file pins. Names, dates and issuers in certificates mean nothing, so
// certificates are made on the spot and never expire.

// tlsCertificate returns a self-signed certificate of the key. It is the same bytes
// every time.
func (k *Key) tlsCertificate() tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: k.TLSPublic().String()},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		DNSNames:     []string{"redstuff"},
	}
	der, err := x509.CreateCertificate(nil, template, template, k.tls.Public(), k.tls)
	if err != nil {
		panic("identity: " + err.Error()) // nothing in it depends on input
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k.tls}
}

// ServerTLS returns the TLS configuration of a node. It asks the other end for a
// certificate and takes any or none: who may do what is decided for each request.
func (k *Key) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{k.tlsCertificate()},
		ClientAuth:   tls.RequestClientCert,
		NextProtos:   []string{"http/1.1"},
		// Nobody looks at the begin of an answer before the rest is there.
		DynamicRecordSizingDisabled: true,
	}
}

// ClientTLS returns the TLS configuration for connections to the node that has the
// TLS key server. A nil key connects without a certificate of its own.
func (k *Key) ClientTLS(server committee.TLSKey) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: serverName(server),
		NextProtos: []string{"http/1.1"},
		// The chain is not verified because the key itself is known: see VerifyConnection.
		InsecureSkipVerify: true,
		ClientSessionCache: tls.NewLRUClientSessionCache(16),

		DynamicRecordSizingDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if key, ok := PeerKey(&state); !ok || key != server {
				return ErrStranger
			}
			return nil
		},
	}
	if k != nil {
		config.Certificates = []tls.Certificate{k.tlsCertificate()}
	}
	return config
}

// PeerKey returns the key of the other end of a TLS connection, which has proved to TLS
// that it has the secret; ok is false if it has shown no ed25519 key, and for nil, a
// connection without TLS.
func PeerKey(state *tls.ConnectionState) (key committee.TLSKey, ok bool) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return key, false
	}
	public, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(public) != len(key) {
		return key, false
	}
	copy(key[:], public)
	return key, true
}
