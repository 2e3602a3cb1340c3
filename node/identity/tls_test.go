package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// shake has a client and a server shake hands on loopback, and returns whom the server
// sees, and the client's error.
func shake(t *testing.T, server, client *tls.Config) (seen *tls.ConnectionState, err error) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	states := make(chan *tls.ConnectionState, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			states <- nil
			return
		}
		defer conn.Close()
		if conn.(*tls.Conn).Handshake() != nil {
			states <- nil
			return
		}
		state := conn.(*tls.Conn).ConnectionState()
		_, _ = conn.Write([]byte("x"))
		states <- &state
	}()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn := tls.Client(raw, client)
	if err = conn.Handshake(); err == nil {
		_, err = io.ReadFull(conn, make([]byte, 1))
	}
	raw.Close()
	return <-states, err
}

func TestHandshake(t *testing.T) {
	node, client := identity.GenerateKey(), identity.GenerateKey()
	for _, c := range []struct {
		name   string
		client *tls.Config
		err    error
		seen   committee.TLSKey
	}{
		{"client with a key", client.ClientTLS(node.TLSPublic()), nil, client.TLSPublic()},
		{"client without a key", (*identity.Key)(nil).ClientTLS(node.TLSPublic()), nil, committee.TLSKey{}},
		{"another node", client.ClientTLS(identity.GenerateKey().TLSPublic()), identity.ErrStranger, committee.TLSKey{}},
		{"no node", client.ClientTLS(committee.TLSKey{}), identity.ErrStranger, committee.TLSKey{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			state, err := shake(t, node.ServerTLS(), c.client)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if state.Version != tls.VersionTLS13 {
				t.Errorf("version %x, want TLS 1.3", state.Version)
			}
			key, ok := identity.PeerKey(state)
			if key != c.seen || ok != (c.seen != committee.TLSKey{}) {
				t.Errorf("the server sees %v, %v, want %v", key, ok, c.seen)
			}
		})
	}
}

// TestOtherKeys: a certificate with a key of another kind is nobody's.
func TestOtherKeys(t *testing.T) {
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	node := identity.GenerateKey()
	config := (*identity.Key)(nil).ClientTLS(node.TLSPublic())
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: secret}}
	state, err := shake(t, node.ServerTLS(), config)
	if err != nil {
		t.Fatal(err)
	}
	if key, ok := identity.PeerKey(state); ok || key != (committee.TLSKey{}) {
		t.Errorf("the server sees %v, want nobody", key)
	}
	if key, ok := identity.PeerKey(nil); ok || key != (committee.TLSKey{}) {
		t.Errorf("without TLS there is %v, want nobody", key)
	}
	server := node.ServerTLS()
	server.Certificates = config.Certificates
	if _, err := shake(t, server, (*identity.Key)(nil).ClientTLS(node.TLSPublic())); !errors.Is(err, identity.ErrStranger) {
		t.Errorf("a node with a key of another kind: %v, want %v", err, identity.ErrStranger)
	}
}
