package committee

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/redstuff-go/redstuff/commit"
)

// System is what never changes, from the first epoch on: members come and go, but n and
// the hash of the commitments stay, and with them the code, and the ids of blobs.
type System struct {
	Network string        // tells this system from others; 1 to 64 bytes of printable text
	Shards  int           // n
	Scheme  commit.Scheme // the hash of the commitments

	Metadata Form // what of a blob's metadata each node keeps
}

// maxNetwork bounds the name of a network, in bytes.
const maxNetwork = 64

// Validate says what is wrong with the system. The error wraps ErrCommittee.
func (s System) Validate() error {
	if s.Network == "" {
		return fmt.Errorf("%w: the network has no name", ErrCommittee)
	}
	if len(s.Network) > maxNetwork || !utf8.ValidString(s.Network) {
		return fmt.Errorf("%w: the network's name is not %d bytes of text at most", ErrCommittee, maxNetwork)
	}
	for _, r := range s.Network {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("%w: the network's name %q has characters that cannot be printed", ErrCommittee, s.Network)
		}
	}
	if _, err := commit.NewParams(s.Shards); err != nil {
		return fmt.Errorf("%w: %w", ErrCommittee, err)
	}
	if _, err := s.Scheme.MarshalText(); err != nil {
		return fmt.Errorf("%w: %w", ErrCommittee, err)
	}
	if _, err := s.Metadata.MarshalText(); err != nil {
		return fmt.Errorf("%w: %w", ErrCommittee, err)
	}
	return nil
}

// Genesis names a system by a hash of all that it is made of.
type Genesis [sha256.Size]byte

// String returns URL-safe base64 without padding.
func (g Genesis) String() string { return base64.RawURLEncoding.EncodeToString(g[:]) }

// Genesis returns the name of the system.
func (s System) Genesis() Genesis {
	data := append([]byte("redstuff v1 system"), byte(s.Scheme)|byte(s.Metadata)<<7)
	data = binary.LittleEndian.AppendUint32(data, uint32(s.Shards))
	return sha256.Sum256(append(data, s.Network...))
}
