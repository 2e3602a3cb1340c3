package committee

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"time"
)

// ErrStranger is returned when the other end of a TLS connection has another key than
// the one expected there.
var ErrStranger = errors.New("committee: unexpected TLS key")

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
		panic("committee: " + err.Error()) // nothing in it depends on input
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k.tls}
}

// ServerTLS returns the TLS configuration of a node. It asks the other end for a
// certificate and takes any or none: who may do what is decided for each request, by
// [Committee.Identify].
func (k *Key) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{k.tlsCertificate()},
		ClientAuth:   tls.RequestClientCert,
		NextProtos:   []string{"http/1.1"},
	}
}

// ClientTLS returns the TLS configuration for connections to the node that has the
// TLS key server. A nil key connects without a certificate of its own.
func (k *Key) ClientTLS(server TLSKey) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: "redstuff",
		NextProtos: []string{"http/1.1"},
		// The chain is not verified because the key itself is known: see VerifyConnection.
		InsecureSkipVerify: true,
		ClientSessionCache: tls.NewLRUClientSessionCache(16),
		VerifyConnection: func(state tls.ConnectionState) error {
			if key, ok := tlsKeyOf(&state); !ok || key != server {
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

// tlsKeyOf returns the key of the other end; TLS has verified that it has the secret.
func tlsKeyOf(state *tls.ConnectionState) (key TLSKey, ok bool) {
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

// Role is what the other end of a connection is to the committee.
type Role uint8

const (
	// Stranger has shown no key, or one that the committee does not know.
	Stranger Role = iota
	// Writer is a client that may write.
	Writer
	// Peer is a member.
	Peer
)

// Identity is who is at the other end of a connection.
type Identity struct {
	Role   Role
	Member int    // of the committee, for a Peer
	Name   string // as in the committee's file
}

// Identify tells who is at the other end of a TLS connection. nil is a connection
// without TLS.
func (c *Committee) Identify(state *tls.ConnectionState) Identity {
	key, ok := tlsKeyOf(state)
	if !ok {
		return Identity{}
	}
	for i := range c.members {
		if bytes.Equal(c.members[i].TLSKey[:], key[:]) {
			return Identity{Role: Peer, Member: i, Name: c.members[i].Name}
		}
	}
	for i := range c.clients {
		if bytes.Equal(c.clients[i].TLSKey[:], key[:]) {
			return Identity{Role: Writer, Name: c.clients[i].Name}
		}
	}
	return Identity{}
}
