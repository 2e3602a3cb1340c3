package identity

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/node/committee"
)

// Keyring is the keys of one node. As a rule it is one key. While keys are rotated, the node
// has the one that committees know it by until an epoch begins, and the one that they know
// it by from then on. It is safe for concurrent use.
type Keyring struct {
	path   string // where it is read again; none if it was not read
	hashes *committee.HashCache

	mu   sync.Mutex
	keys []*held
}

// held is a key with what is made of it once.
type held struct {
	*Key
	signer      *committee.Signer
	certificate tls.Certificate
}

// maxKeys bounds the keys of one node.
const maxKeys = 16

// NewKeyring returns the keyring of some keys, of which there must be one at least, the
// oldest first.
func NewKeyring(keys ...*Key) *Keyring {
	r := &Keyring{hashes: new(committee.HashCache)}
	r.set(keys)
	return r
}

// LoadKeyring reads the file of a node's keys, one a line and the oldest first. The error
// wraps ErrMode or ErrKey, or is that of reading the file.
func LoadKeyring(path string) (*Keyring, error) {
	keys, err := loadKeys(path)
	if err != nil {
		return nil, err
	}
	r := NewKeyring(keys...)
	r.path = path
	return r, nil
}

// loadKeys reads one key or more.
func loadKeys(path string) (keys []*Key, err error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		key, err := ParseKey(line)
		if err == nil && len(keys) == maxKeys {
			err = fmt.Errorf("%w: a node has %d keys at most", ErrKey, maxKeys)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: %w: it is empty", path, ErrKey)
	}
	return keys, nil
}

// Reload reads the file again from which the keyring was read. If that fails, the keys are
// as before.
func (r *Keyring) Reload() error {
	if r.path == "" {
		return nil
	}
	keys, err := loadKeys(r.path)
	if err == nil {
		r.set(keys)
	}
	return err
}

func (r *Keyring) set(keys []*Key) {
	if len(keys) == 0 || slices.Contains(keys, nil) {
		panic("identity: a keyring without a key")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.keys
	r.keys = nil
	for _, k := range keys {
		i := slices.IndexFunc(before, func(h *held) bool { return h.seed == k.seed })
		if i >= 0 {
			r.keys = append(r.keys, before[i])
			continue
		}
		r.keys = append(r.keys, &held{k, k.Signer(r.hashes), k.tlsCertificate()})
	}
}

func (r *Keyring) all() []*held {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys
}

// Keys returns the keys, the oldest first.
func (r *Keyring) Keys() (keys []*Key) {
	for _, h := range r.all() {
		keys = append(keys, h.Key)
	}
	return keys
}

// First returns the oldest key.
func (r *Keyring) First() *Key { return r.all()[0].Key }

// Last returns the newest key.
func (r *Keyring) Last() *Key {
	keys := r.all()
	return keys[len(keys)-1].Key
}

// Public returns the newest public key.
func (r *Keyring) Public() committee.PublicKey { return r.Last().Public() }

// OfTLS returns the key that has the TLS key.
func (r *Keyring) OfTLS(key committee.TLSKey) (*Key, bool) {
	for _, h := range r.all() {
		if h.TLSPublic() == key {
			return h.Key, true
		}
	}
	return nil, false
}

// Member returns the member of the committee that has one of the keys.
func (r *Keyring) Member(c *committee.Committee) (member int, ok bool) {
	for _, h := range r.all() {
		if i, ok := c.Find(h.Public()); ok {
			return i, true
		}
	}
	return -1, false
}

// Hashes returns the hashes of what the keys have signed of late, for a
// [committee.BatchVerifier].
func (r *Keyring) Hashes() *committee.HashCache { return r.hashes }

// Attest signs the attestation with the key by which the committee knows the node, or with
// the oldest one if it knows none.
func (r *Keyring) Attest(c *committee.Committee, a committee.Attestation) committee.Signature {
	return r.signer(c).Attest(c, a)
}

// AttestBatch signs attestations at once, with the same key as Attest, see
// [committee.Signer].
func (r *Keyring) AttestBatch(c *committee.Committee, batch []committee.Attestation) committee.Signature {
	return r.signer(c).AttestBatch(c, batch)
}

func (r *Keyring) signer(c *committee.Committee) *committee.Signer {
	keys := r.all()
	for _, h := range keys {
		if _, ok := c.Find(h.Public()); ok {
			return h.signer
		}
	}
	return keys[0].signer
}

// ServerTLS returns the TLS configuration of the node. It asks the other end for a
// certificate and takes any or none: who may do what is decided for each request. Who
// connects says by the server's name which key it expects, see [Key.ClientTLS]; who expects
// none in particular gets the oldest.
func (r *Keyring) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ClientAuth: tls.RequestClientCert,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			keys := r.all()
			for _, h := range keys {
				if serverName(h.TLSPublic()) == hello.ServerName {
					return &h.certificate, nil
				}
			}
			return &keys[0].certificate, nil
		},
	}
}

// serverName is how a client names the node whose TLS key it expects: a name as they are
// allowed, with half of the key, which is enough to tell a node's own keys apart.
func serverName(key committee.TLSKey) string {
	return hex.EncodeToString(key[:len(key)/2]) + ".redstuff"
}
