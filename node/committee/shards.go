package committee

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redstuff-go/redstuff/commit"
)

// Shards is a set of shards. Its text form is numbers and ranges in ascending order,
// such as "0-9,12,20-29".
type Shards []int

// Spread deals n shards to members as evenly as it goes, each a run of neighbours.
// It panics if members is not positive.
func Spread(n, members int) []Shards {
	if members <= 0 {
		panic("committee: no members to spread shards over")
	}
	spread := make([]Shards, members)
	for i := range spread {
		for shard := i * n / members; shard < (i+1)*n/members; shard++ {
			spread[i] = append(spread[i], shard)
		}
	}
	return spread
}

// String returns the text form.
func (s Shards) String() string {
	sorted := slices.Clone(s)
	slices.Sort(sorted)
	var b strings.Builder
	for i := 0; i < len(sorted); {
		j := i
		for j+1 < len(sorted) && sorted[j+1] == sorted[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(sorted[i]))
		if j > i {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(sorted[j]))
		}
		i = j + 1
	}
	return b.String()
}

// MarshalText returns String's form.
func (s Shards) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads numbers and ranges in ascending order. The error wraps
// ErrCommittee.
func (s *Shards) UnmarshalText(text []byte) error {
	var shards Shards
	next := 0
	for part := range strings.SplitSeq(string(text), ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		a, errA := strconv.ParseUint(from, 10, 16)
		b, errB := strconv.ParseUint(to, 10, 16)
		if errA != nil || errB != nil || a > b || int(a) < next || b >= commit.MaxShards {
			return fmt.Errorf("%w: %q is no list of shards such as 0-9,12", ErrCommittee, text)
		}
		for shard := int(a); shard <= int(b); shard++ {
			shards = append(shards, shard)
		}
		next = int(b) + 1
	}
	*s = shards
	return nil
}
