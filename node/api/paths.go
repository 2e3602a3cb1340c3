package api

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Paths that name no blob.
const (
	HealthPath       = "/v1/health"
	BlobsPath        = "/v1/blobs"
	SymbolsPath      = "/v1/recoverySymbols"
	PagesPath        = "/v1/slivers"
	CertificatesPath = "/v1/certificates"
	// ChallengePath takes the messages of package challenge, one at a time, and answers
	// each with one. The query names the height at which the challenge was armed.
	ChallengePath = "/v1/challenge"
)

// The rest of the path after a blob's.
const (
	MetadataPath               = "/metadata"
	PartsPath                  = "/metadata/parts"
	StatusPath                 = "/status"
	SliversPath                = "/slivers"
	ConfirmationPath           = "/confirmation/permanent"
	CertificatePath            = "/certificate"
	RecoveryPath               = "/recoverySymbols"
	DecodingPath               = "/decodingSymbols"
	ProofPath                  = "/inconsistencyProof"
	InvalidBlobCertificatePath = "/inconsistent"
)

// Media types of bodies.
const (
	TypeBytes  = "application/octet-stream"
	TypeJSON   = "application/json"
	TypeFrames = "application/vnd.redstuff.frames"
)

// BlobPath returns the path of a blob, or of something that belongs to it.
func BlobPath(id commit.BlobID, rest string) string { return BlobsPath + "/" + id.String() + rest }

// SliverPath returns the path of a sliver.
func SliverPath(id commit.BlobID, pair int, axis rs2d.Axis) string {
	return fmt.Sprintf("%s/%d/%v", BlobPath(id, SliversPath), pair, axis)
}

// ParseAxis reads "primary" or "secondary".
func ParseAxis(s string) (rs2d.Axis, error) {
	for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
		if s == axis.String() {
			return axis, nil
		}
	}
	return 0, fmt.Errorf("%w: %q is neither primary nor secondary", ErrMalformed, clip(s))
}

// ParseIndex reads a decimal number below n in its shortest form.
func ParseIndex(s string, n int) (int, error) {
	v, err := strconv.ParseUint(s, 10, 32)
	if err != nil || v >= uint64(n) || strconv.FormatUint(v, 10) != s {
		return 0, fmt.Errorf("%w: %q is no index below %d", ErrMalformed, clip(s), n)
	}
	return int(v), nil
}

// SliversQuery returns the query that asks for slivers by their pairs.
func SliversQuery(primary, secondary []int) string {
	q := url.Values{}
	for axis, pairs := range [][]int{primary, secondary} {
		if len(pairs) == 0 {
			continue
		}
		words := make([]string, len(pairs))
		for i, p := range pairs {
			words[i] = strconv.Itoa(p)
		}
		q.Set(rs2d.Axis(axis).String(), strings.Join(words, ","))
	}
	return q.Encode()
}

// ParsePairs reads one list of a SliversQuery: at most n pairs below n.
func ParsePairs(list string, n int) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	words := strings.SplitN(list, ",", n+1)
	if len(words) > n {
		return nil, fmt.Errorf("%w: more than %d pairs", ErrMalformed, n)
	}
	pairs := make([]int, len(words))
	for i, word := range words {
		var err error
		if pairs[i], err = ParseIndex(word, n); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// clip bounds what an error repeats of its input.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
