package fixed

import (
	"bytes"
	"fmt"
	"math"
	"os"

	"github.com/BurntSushi/toml"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// file is the committee's file in TOML.
type file struct {
	Network string             `toml:"network"`
	Shards  int                `toml:"shards"`
	Scheme  commit.Scheme      `toml:"scheme"`
	Epoch   int64              `toml:"epoch"`
	Members []committee.Member `toml:"member"`
	Clients []Client           `toml:"client"`

	Metadata committee.Form `toml:"metadata,omitzero"` // full if it is not there
}

// Parse reads what MarshalText writes, verifies it as New does, and refuses keys it
// does not know. The error wraps committee.ErrCommittee.
func Parse(text []byte) (*Control, error) {
	var f file
	meta, err := toml.NewDecoder(bytes.NewReader(text)).Decode(&f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", committee.ErrCommittee, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%w: unknown key %s", committee.ErrCommittee, unknown[0])
	}
	for _, key := range []string{"network", "shards", "scheme", "epoch"} {
		if !meta.IsDefined(key) {
			return nil, fmt.Errorf("%w: %s is missing", committee.ErrCommittee, key)
		}
	}
	if f.Epoch < 0 {
		return nil, fmt.Errorf("%w: epoch %d is negative", committee.ErrCommittee, f.Epoch)
	}
	system := committee.System{Network: f.Network, Shards: f.Shards, Scheme: f.Scheme, Metadata: f.Metadata}
	c, err := committee.New(system, uint64(f.Epoch), f.Members)
	if err != nil {
		return nil, err
	}
	return New(c, f.Clients...)
}

// Load reads the committee's file. The error wraps committee.ErrCommittee, or is that of
// reading the file.
func Load(path string) (*Control, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// MarshalText writes the committee and the clients in TOML.
func (f *Control) MarshalText() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# The committee of a RedStuff cluster. All nodes and clients have the same file; it holds no secret.\n")
	c := f.view.Current
	if c.Epoch() > math.MaxInt64 {
		return nil, fmt.Errorf("%w: TOML has no number as large as epoch %d", committee.ErrCommittee, c.Epoch())
	}
	system := c.System()
	all := file{Network: system.Network, Shards: system.Shards, Scheme: system.Scheme, Metadata: system.Metadata, Epoch: int64(c.Epoch()), Clients: f.clients}
	for i := range c.Len() {
		all.Members = append(all.Members, c.Member(i))
	}
	err := toml.NewEncoder(&b).Encode(all)
	return b.Bytes(), err
}
