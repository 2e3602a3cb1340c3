package load

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Sizes is a distribution of blob lengths. The zero value is that of empty blobs.
type Sizes struct {
	kind   sizesKind
	lo, hi uint64 // bounds, both included
	median float64
	sigma  float64 // of the logarithm
}

type sizesKind int

const (
	fixed sizesKind = iota
	uniform
	logNormal
)

// errSizes is what is wrong with the text of a distribution.
var errSizes = errors.New("should be a length such as 1MiB, uniform:LEAST-MOST, or lognormal:MEDIAN,SIGMA")

// ParseSizes reads a distribution: a length, uniform:LEAST-MOST, or
// lognormal:MEDIAN,SIGMA, whose lengths beyond most bytes are cut to that.
func ParseSizes(text string, most uint64) (Sizes, error) {
	s, err := parseSizes(text, most)
	if err != nil {
		return Sizes{}, fmt.Errorf("%q: %w", text, err)
	}
	if s.hi > most {
		return Sizes{}, fmt.Errorf("%q: blobs may have at most %d bytes", text, most)
	}
	return s, nil
}

func parseSizes(text string, most uint64) (Sizes, error) {
	kind, rest, named := strings.Cut(text, ":")
	if !named {
		n, err := humanize.ParseBytes(text)
		if err != nil {
			return Sizes{}, errSizes
		}
		return Sizes{lo: n, hi: n}, nil
	}
	switch kind {
	case "fixed":
		return parseSizes(rest, most)
	case "uniform":
		least, greatest, _ := strings.Cut(rest, "-")
		lo, err := humanize.ParseBytes(least)
		hi, err2 := humanize.ParseBytes(greatest)
		if err != nil || err2 != nil || lo > hi {
			return Sizes{}, errSizes
		}
		return Sizes{kind: uniform, lo: lo, hi: hi}, nil
	case "lognormal":
		median, sigma, _ := strings.Cut(rest, ",")
		m, err := humanize.ParseBytes(median)
		v, err2 := strconv.ParseFloat(sigma, 64)
		if err != nil || err2 != nil || m < 1 || !(v >= 0 && v <= 10) {
			return Sizes{}, errSizes
		}
		return Sizes{kind: logNormal, lo: 1, hi: most, median: float64(m), sigma: v}, nil
	}
	return Sizes{}, errSizes
}

// Most returns the greatest length.
func (s Sizes) Most() uint64 { return s.hi }

// Draw returns a length.
func (s Sizes) Draw(r *rand.Rand) uint64 {
	switch s.kind {
	case uniform:
		return s.lo + r.Uint64N(s.hi-s.lo+1)
	case logNormal:
		v := s.median * math.Exp(s.sigma*r.NormFloat64())
		if v >= float64(s.hi) { // also what no integer holds
			return s.hi
		}
		return max(uint64(v), s.lo)
	}
	return s.lo
}

// String writes what ParseSizes reads.
func (s Sizes) String() string {
	switch s.kind {
	case uniform:
		return fmt.Sprintf("uniform:%s-%s", humanBytes(s.lo), humanBytes(s.hi))
	case logNormal:
		return fmt.Sprintf("lognormal:%s,%g", humanBytes(uint64(s.median)), s.sigma)
	}
	return humanBytes(s.lo)
}

// humanBytes writes a length exactly, in binary units where they suit.
func humanBytes(n uint64) string {
	for _, unit := range []struct {
		size uint64
		name string
	}{{humanize.GiByte, "GiB"}, {humanize.MiByte, "MiB"}, {humanize.KiByte, "KiB"}} {
		if n >= unit.size && n%unit.size == 0 {
			return fmt.Sprintf("%d%s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}
