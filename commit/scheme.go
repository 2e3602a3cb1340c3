package commit

import (
	"encoding/hex"
	"fmt"
)

// Scheme says which hash function builds the commitments. The matrix, the
// slivers and the shape of the trees are the same in every scheme.
type Scheme uint8

const (
	// BLAKE3 uses derive_key with one context per domain: "redstuff v1 leaf",
	// "redstuff v1 node", "redstuff v1 pair" and "redstuff v1 blob".
	BLAKE3 Scheme = 0
	// Walrus uses Blake2b-256, bit-exact with Walrus mainnet: leaves are
	// prefixed with 0x00, inner nodes with 0x01.
	Walrus Scheme = 1
)

var schemeNames = [...]string{BLAKE3: "blake3", Walrus: "walrus"}

// UnknownSchemeError reports a scheme that does not exist.
type UnknownSchemeError struct {
	Name string // as it was given
}

func (e *UnknownSchemeError) Error() string {
	return fmt.Sprintf("commit: unknown scheme %q; known: blake3, walrus", e.Name)
}

// String returns the name that ParseScheme accepts.
func (s Scheme) String() string {
	if int(s) < len(schemeNames) {
		return schemeNames[s]
	}
	return fmt.Sprintf("scheme(%d)", uint8(s))
}

// ParseScheme returns the scheme of that name. The error is an *UnknownSchemeError.
func ParseScheme(name string) (Scheme, error) {
	for s, known := range schemeNames {
		if name == known {
			return Scheme(s), nil
		}
	}
	return 0, &UnknownSchemeError{Name: name}
}

// check returns an *UnknownSchemeError unless the scheme exists.
func (s Scheme) check() error {
	if int(s) >= len(schemeNames) {
		return &UnknownSchemeError{Name: s.String()}
	}
	return nil
}

// MarshalText writes the scheme's name. The error is an *UnknownSchemeError.
func (s Scheme) MarshalText() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return []byte(schemeNames[s]), nil
}

// UnmarshalText reads what MarshalText writes. The error is an *UnknownSchemeError.
func (s *Scheme) UnmarshalText(text []byte) error {
	parsed, err := ParseScheme(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// HashSize is the length of every digest, in bytes.
const HashSize = 32

// Hash is one digest: of a symbol, of an inner node or of a root.
type Hash [HashSize]byte

// String returns the digest in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }
