package quilt

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// PatchID names a patch without its quilt's index: the quilt, and the columns
// [Start, End).
type PatchID struct {
	Quilt      commit.BlobID
	Start, End uint16
}

// patchIDSize is the length of a patch id in bytes: quilt id, version, start, end.
const patchIDSize = commit.HashSize + 1 + 2 + 2

// ID returns the patch's id in the quilt.
func (p Patch) ID(quilt commit.BlobID) PatchID {
	return PatchID{quilt, uint16(p.Start), uint16(p.End)}
}

// String returns the id in base64 for URLs, without padding: 50 characters.
func (id PatchID) String() string {
	data := append(make([]byte, 0, patchIDSize), id.Quilt[:]...)
	data = append(data, version)
	data = binary.LittleEndian.AppendUint16(data, id.Start)
	data = binary.LittleEndian.AppendUint16(data, id.End)
	return base64.RawURLEncoding.EncodeToString(data)
}

// MarshalText is String.
func (id PatchID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is [ParsePatchID].
func (id *PatchID) UnmarshalText(text []byte) (err error) {
	*id, err = ParsePatchID(string(text))
	return err
}

// ParsePatchID reads what String writes. The error wraps ErrPatchID.
func ParsePatchID(s string) (id PatchID, err error) {
	if len(s) != base64.RawURLEncoding.EncodedLen(patchIDSize) {
		return id, fmt.Errorf("%w: %d characters instead of %d", ErrPatchID, len(s), base64.RawURLEncoding.EncodedLen(patchIDSize))
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return id, fmt.Errorf("%w: %w", ErrPatchID, err)
	}
	rest := data[copy(id.Quilt[:], data):]
	if rest[0] != version {
		return id, fmt.Errorf("%w: version %d instead of %d", ErrPatchID, rest[0], version)
	}
	id.Start, id.End = binary.LittleEndian.Uint16(rest[1:]), binary.LittleEndian.Uint16(rest[3:])
	if id.Start >= id.End {
		return id, fmt.Errorf("%w: columns %d to %d are none", ErrPatchID, id.Start, id.End)
	}
	return id, nil
}
