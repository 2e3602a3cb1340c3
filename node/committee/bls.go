package committee

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

const (
	// PublicKeySize is the length of a compressed point of G1, in bytes.
	PublicKeySize = bls.SizeOfG1AffineCompressed
	// SignatureSize is the length of a compressed point of G2, in bytes.
	SignatureSize = bls.SizeOfG2AffineCompressed
)

// The domains of the ciphersuite with public keys in G1 and proofs of possession.
var (
	domainSign  = []byte("BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_")
	domainProof = []byte("BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_")

	// Walrus's, which knows no proofs of possession at verification.
	domainWalrus = []byte("BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_")
)

var (
	// ErrKey is returned when a text or byte string is not a key of its kind.
	ErrKey = errors.New("committee: malformed key")
	// ErrSignature is returned when a signature is no point of the group, or is that of
	// another key or of something else.
	ErrSignature = errors.New("committee: wrong signature")
)

// SecretKey is a BLS12-381 secret key. It is immutable and safe for concurrent use.
type SecretKey struct {
	secret scalar
	public PublicKey
}

// DeriveSecretKey returns the key of a seed of at least 32 random bytes: KeyGen of
// draft-irtf-cfrg-bls-signature-05, section 2.3, with the seed as its input.
func DeriveSecretKey(seed []byte) *SecretKey {
	secret := new(big.Int)
	const length = 48 // ceil(3*ceil(log2 r)/16)
	salt := []byte("BLS-SIG-KEYGEN-SALT-")
	ikm := append(seed[:len(seed):len(seed)], 0)
	info := string(binary.BigEndian.AppendUint16(nil, length))
	for secret.Sign() == 0 {
		digest := sha256.Sum256(salt)
		salt = digest[:]
		out, err := hkdf.Key(sha256.New, ikm, salt, info, length)
		if err != nil {
			panic("committee: " + err.Error()) // lengths are constants far below the limit
		}
		secret.SetBytes(out)
		secret.Mod(secret, fr.Modulus())
	}
	var point bls.G1Affine
	point.ScalarMultiplicationBase(secret)
	return &SecretKey{newScalar(secret), PublicKey{point: point, bytes: point.Bytes()}}
}

// String hides the secret: it names the public key.
func (k *SecretKey) String() string { return "secret of " + k.public.String() }

// Format writes String's form for every verb.
func (k *SecretKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// Public returns the public key.
func (k *SecretKey) Public() PublicKey { return k.public }

// Prove returns the proof of possession of the key.
func (k *SecretKey) Prove() Signature { return k.sign(hash(k.public.bytes[:], domainProof)) }

// sign signs a message that was hashed to a point.
func (k *SecretKey) sign(message bls.G2Affine) Signature {
	signature := k.secret.times(message)
	return signature.Bytes()
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
