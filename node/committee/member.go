package committee

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// NodeID names a node for its whole life, whatever keys and addresses it has.
type NodeID [sha256.Size]byte

// String returns hexadecimal, as ledgers write ids.
func (id NodeID) String() string { return "0x" + hex.EncodeToString(id[:]) }

// NodeID returns the id of the node that has the key, where no ledger names nodes and keys
// do not change.
func (k PublicKey) NodeID() NodeID {
	return sha256.Sum256(append([]byte("redstuff v1 node id"), k.bytes[:]...))
}

// Member is a node as all others know it.
type Member struct {
	ID        NodeID    `toml:"-"` // by default that of the public key
	Name      string    `toml:"name"`
	Address   string    `toml:"address"` // host:port
	PublicKey PublicKey `toml:"public_key"`
	Proof     Signature `toml:"proof"` // of possession of the public key's secret
	TLSKey    TLSKey    `toml:"tls_key"`
	Shards    Shards    `toml:"shards"`
}

// TLSKey is an ed25519 public key, by which connections of a node or client are known.
type TLSKey [ed25519.PublicKeySize]byte

// String returns URL-safe base64 without padding.
func (k TLSKey) String() string { return base64.RawURLEncoding.EncodeToString(k[:]) }

// MarshalText returns String's form.
func (k TLSKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes. The error wraps ErrKey.
func (k *TLSKey) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw) != len(k) {
		return fmt.Errorf("%w: a TLS key is %d bytes in URL-safe base64", ErrKey, len(k))
	}
	copy(k[:], raw)
	return nil
}
