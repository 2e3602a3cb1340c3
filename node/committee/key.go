package committee

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

const (
	// PublicKeySize is the length of a compressed point of G1, in bytes.
	PublicKeySize = bls.SizeOfG1AffineCompressed
	// SignatureSize is the length of a compressed point of G2, in bytes.
	SignatureSize = bls.SizeOfG2AffineCompressed

	seedSize = 32
)

// The domains of the ciphersuite with public keys in G1 and proofs of possession.
var (
	domainSign  = []byte("BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_")
	domainProof = []byte("BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_")
)

var (
	// ErrKey is returned when a text or byte string is not a key of its kind.
	ErrKey = errors.New("committee: malformed key")
	// ErrSignature is returned when a signature is no point of the group, or is that of
	// another key or of something else.
	ErrSignature = errors.New("committee: wrong signature")
)

// Key is the secret of one node or client. It is immutable and safe for concurrent
// use.
type Key struct {
	seed   [seedSize]byte
	secret *big.Int
	public PublicKey
	tls    ed25519.PrivateKey
}

// GenerateKey returns a new random key.
func GenerateKey() *Key {
	var seed [seedSize]byte
	rand.Read(seed[:])
	return keyOf(seed)
}

// keyText begins the text form of a key, so that nobody takes it for something else.
const keyText = "redstuff-secret-v1:"

// ParseKey reads what MarshalText writes; white space around it is ignored. The
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

// LoadKey reads the file of a key. The error wraps ErrKey, or is that of reading the
// file.
func LoadKey(path string) (*Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// MarshalText writes the secret.
func (k *Key) MarshalText() ([]byte, error) {
	return []byte(keyText + base64.RawURLEncoding.EncodeToString(k.seed[:])), nil
}

// String hides the secret: it names the public key.
func (k *Key) String() string { return "secret of " + k.public.String() }

// keyOf derives the keys of a seed. The BLS key is KeyGen of
// draft-irtf-cfrg-bls-signature-05, section 2.3, with the seed as its input.
func keyOf(seed [seedSize]byte) *Key {
	k := &Key{seed: seed, secret: new(big.Int)}
	const length = 48 // ceil(3*ceil(log2 r)/16)
	salt := []byte("BLS-SIG-KEYGEN-SALT-")
	ikm := append(seed[:len(seed):len(seed)], 0)
	info := binary.BigEndian.AppendUint16(nil, length)
	for k.secret.Sign() == 0 {
		digest := sha256.Sum256(salt)
		salt = digest[:]
		k.secret.SetBytes(derive(ikm, salt, string(info), length))
		k.secret.Mod(k.secret, fr.Modulus())
	}
	var point bls.G1Affine
	point.ScalarMultiplicationBase(k.secret)
	k.public = PublicKey{point: point, bytes: point.Bytes()}
	k.tls = ed25519.NewKeyFromSeed(derive(seed[:], nil, "redstuff v1 tls ed25519", ed25519.SeedSize))
	return k
}

// derive is HKDF with SHA-256.
func derive(secret, salt []byte, info string, length int) []byte {
	out, err := hkdf.Key(sha256.New, secret, salt, info, length)
	if err != nil {
		panic("committee: " + err.Error()) // lengths are constants far below the limit
	}
	return out
}

// Public returns the public key.
func (k *Key) Public() PublicKey { return k.public }

// TLSPublic returns the key by which TLS connections of this node are known.
func (k *Key) TLSPublic() TLSKey { return TLSKey(k.tls.Public().(ed25519.PublicKey)) }

// Prove returns the proof of possession of the key.
func (k *Key) Prove() Signature { return k.sign(hash(k.public.bytes[:], domainProof)) }

// sign signs a message that was hashed to a point.
func (k *Key) sign(message bls.G2Affine) Signature {
	message.ScalarMultiplication(&message, k.secret)
	return message.Bytes()
}

// hash returns the point of a message in a domain.
func hash(message, domain []byte) bls.G2Affine {
	point, err := bls.HashToG2(message, domain)
	if err != nil {
		panic("committee: " + err.Error()) // domains are constants of legal length
	}
	return point
}

// PublicKey is a BLS12-381 public key: a point of the right subgroup, and not its
// zero. The zero value is no key.
type PublicKey struct {
	point bls.G1Affine
	bytes [PublicKeySize]byte
}

// ParsePublicKey reads a compressed point. The error wraps ErrKey.
func ParsePublicKey(data []byte) (PublicKey, error) {
	var k PublicKey
	if len(data) != PublicKeySize {
		return k, fmt.Errorf("%w: a public key has %d bytes, not %d", ErrKey, PublicKeySize, len(data))
	}
	if _, err := k.point.SetBytes(data); err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if k.point.IsInfinity() {
		return PublicKey{}, fmt.Errorf("%w: the point at infinity", ErrKey)
	}
	k.bytes = k.point.Bytes()
	if string(k.bytes[:]) != string(data) {
		return PublicKey{}, fmt.Errorf("%w: not in canonical form", ErrKey)
	}
	return k, nil
}

// Bytes returns the compressed point.
func (k PublicKey) Bytes() [PublicKeySize]byte { return k.bytes }

// String returns the compressed point in URL-safe base64 without padding.
func (k PublicKey) String() string { return base64.RawURLEncoding.EncodeToString(k.bytes[:]) }

// MarshalText returns String's form.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes. The error wraps ErrKey.
func (k *PublicKey) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	key, err := ParsePublicKey(raw)
	if err != nil {
		return err
	}
	*k = key
	return nil
}

// VerifyProof checks a proof of possession of the key. The error is ErrSignature.
func (k PublicKey) VerifyProof(proof Signature) error {
	return k.verify(hash(k.bytes[:], domainProof), proof)
}

// negGenerator is the negated generator of G1: with it both sides of the equation of
// pairings stand on one side.
var negGenerator = func() bls.G1Affine {
	_, _, g, _ := bls.Generators()
	g.Neg(&g)
	return g
}()

// verify checks e(public, message) = e(g, signature). The error is ErrSignature.
func (k PublicKey) verify(message bls.G2Affine, s Signature) error {
	point, err := s.point()
	if err != nil {
		return err
	}
	ok, err := bls.PairingCheck([]bls.G1Affine{k.point, negGenerator}, []bls.G2Affine{message, point})
	if err != nil || !ok {
		return ErrSignature
	}
	return nil
}

// Signature is a BLS12-381 signature as a compressed point. What it holds is not
// known to be a point before it is verified.
type Signature [SignatureSize]byte

// point decodes the signature, and checks the subgroup.
func (s Signature) point() (bls.G2Affine, error) {
	p, err := decompress(s)
	if err == nil && !p.IsInSubGroup() {
		err = ErrSignature
	}
	return p, err
}

// MarshalText writes URL-safe base64 without padding.
func (s Signature) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, s[:]), nil
}

// UnmarshalText reads what MarshalText writes. The error wraps ErrSignature.
func (s *Signature) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw) != SignatureSize {
		return fmt.Errorf("%w: it is %d bytes in URL-safe base64", ErrSignature, SignatureSize)
	}
	copy(s[:], raw)
	return nil
}

// TLSKey is an ed25519 public key.
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
