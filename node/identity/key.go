package identity

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/redstuff-go/redstuff/node/committee"
)

// ErrKey is returned when a text is no secret key.
var ErrKey = errors.New("identity: malformed key")

const seedSize = 32

// Key is the secret of one node or client. It is immutable and safe for concurrent
// use.
type Key struct {
	seed [seedSize]byte
	bls  *committee.SecretKey
	tls  ed25519.PrivateKey
}

// GenerateKey returns a new random key.
func GenerateKey() *Key {
	var seed [seedSize]byte
	rand.Read(seed[:])
	return keyOf(seed)
}

// keyText begins the text form of a key, so that nobody takes it for something else.
const keyText = "redstuff-secret-v1:"

// ParseKey reads what Reveal returns; white space around it is ignored. The
// error wraps ErrKey.
func ParseKey(text []byte) (*Key, error) {
	s, ok := strings.CutPrefix(strings.TrimSpace(string(text)), keyText)
	if !ok {
		return nil, fmt.Errorf("%w: a secret begins with %s", ErrKey, keyText)
	}
	var seed [seedSize]byte
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != seedSize {
		return nil, fmt.Errorf("%w: a secret is %d bytes in URL-safe base64", ErrKey, seedSize)
	}
	copy(seed[:], raw)
	return keyOf(seed), nil
}

// Reveal returns the secret in its text form. It is no MarshalText, which logs and
// encoders call unasked.
func (k *Key) Reveal() []byte {
	return []byte(keyText + base64.RawURLEncoding.EncodeToString(k.seed[:]))
}

// String hides the secret: it names the public key.
func (k *Key) String() string { return k.bls.String() }

// Format writes String's form for every verb.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// keyOf derives the keys of a seed.
func keyOf(seed [seedSize]byte) *Key {
	tls, err := hkdf.Key(sha256.New, seed[:], nil, "redstuff v1 tls ed25519", ed25519.SeedSize)
	if err != nil {
		panic("identity: " + err.Error()) // lengths are constants far below the limit
	}
	return &Key{seed: seed, bls: committee.DeriveSecretKey(seed[:]), tls: ed25519.NewKeyFromSeed(tls)}
}

// Public returns the public key.
func (k *Key) Public() committee.PublicKey { return k.bls.Public() }

// TLSPublic returns the key by which TLS connections of this node are known.
func (k *Key) TLSPublic() committee.TLSKey {
	return committee.TLSKey(k.tls.Public().(ed25519.PublicKey))
}

// Signer returns what signs attestations with the key, see [committee.NewSigner].
func (k *Key) Signer(hashes *committee.HashCache) *committee.Signer {
	return committee.NewSigner(k.bls, hashes)
}

// NewMember returns the member of a committee that has the key.
func NewMember(name, address string, key *Key, shards committee.Shards) committee.Member {
	return committee.Member{
		Name: name, Address: address, PublicKey: key.Public(), Proof: key.bls.Prove(),
		TLSKey: key.TLSPublic(), Shards: shards,
	}
}

// Account returns the secret of the key's account on a ledger, which is that of its TLS
// connections: nodes know by it who has an account.
func (k *Key) Account() ed25519.PrivateKey { return k.tls }

// Prove returns the proof that the key is there, see [committee.SecretKey.Prove].
func (k *Key) Prove() [committee.SignatureSize]byte { return k.bls.Prove() }
