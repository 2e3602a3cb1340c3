package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
)

// Owner says whose a store is. It is noted when a store is made, and all that opens it
// later must say the same.
type Owner struct {
	Node   string // the node's id on the ledger or its public key, as text
	System string // what the system's constants are, or the hash of its genesis, as text
	Shards int    // n, at most 65535; 0 if it is not known, and then there are no shards to list or drop
}

// ownerName is the file that says what the directory is and whose.
const (
	ownerName     = "IDENTITY"
	formatVersion = "redstuff store 2"
	maxOwner      = 4 << 10
)

func (o Owner) validate() error {
	switch {
	case o.Shards < 0 || o.Shards > commit.MaxShards:
		return fmt.Errorf("store: Options.Owner.Shards is %d, not 0 to %d", o.Shards, commit.MaxShards)
	case strings.ContainsFunc(o.Node+o.System, func(r rune) bool { return r < ' ' }):
		return errors.New("store: Options.Owner has a line break")
	case len(o.Node)+len(o.System) > maxOwner/2:
		return fmt.Errorf("store: Options.Owner is longer than %d bytes", maxOwner/2)
	}
	return nil
}

// text returns what the file says, one thing a line.
func (o Owner) text() string {
	return fmt.Sprintf("%s\nnode %s\nsystem %s\nshards %d\n", formatVersion, o.Node, o.System, o.Shards)
}

// parseOwner is the inverse of text.
func parseOwner(text string) (o Owner, err error) {
	lines := strings.Split(text, "\n")
	if lines[0] != formatVersion {
		return o, fmt.Errorf("%w: it says %.40q, not %q", ErrFormat, lines[0], formatVersion)
	}
	damaged := fmt.Errorf("%w: %s cannot be read", ErrDamaged, ownerName)
	if len(lines) != 5 || lines[4] != "" {
		return o, damaged
	}
	var shards string
	for i, to := range map[int]*string{1: &o.Node, 2: &o.System, 3: &shards} {
		var found bool
		if *to, found = strings.CutPrefix(lines[i], []string{"node ", "system ", "shards "}[i-1]); !found {
			return o, damaged
		}
	}
	if o.Shards, err = strconv.Atoi(shards); err != nil || o.validate() != nil {
		return o, damaged
	}
	return o, nil
}

// differs says what of an owner is not as wanted.
func (o Owner) differs(want Owner) error {
	switch {
	case o.Node != want.Node:
		return fmt.Errorf("%w: it is the store of node %q, not of %q", ErrOwner, o.Node, want.Node)
	case o.System != want.System:
		return fmt.Errorf("%w: it is a store of system %q, not of %q", ErrOwner, o.System, want.System)
	case o.Shards != want.Shards:
		return fmt.Errorf("%w: it is a store of %d shards, not of %d", ErrOwner, o.Shards, want.Shards)
	}
	return nil
}

// OwnerOf returns whose the store in a directory is. The error wraps fs.ErrNotExist if there
// is none, ErrFormat or ErrDamaged, or is that of reading.
func OwnerOf(dir string) (Owner, error) {
	text, err := os.ReadFile(filepath.Join(dir, ownerName))
	if err != nil {
		return Owner{}, err
	}
	return parseOwner(string(text[:min(len(text), maxOwner)]))
}

// bind notes whose the directory is, durably, or finds that it is another's.
func bind(fs vfs.FS, dir string, owner Owner) error {
	name := fs.PathJoin(dir, ownerName)
	f, err := fs.Open(name)
	if err == nil {
		text, err := io.ReadAll(io.LimitReader(f, maxOwner))
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		has, err := parseOwner(string(text))
		if err != nil {
			return err
		}
		return has.differs(owner)
	}
	if !oserror.IsNotExist(err) {
		return err
	}
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	if slices.Contains(names, databaseName) {
		return fmt.Errorf("%w: it has no file %s", ErrFormat, ownerName)
	}
	temporary := name + ".new"
	f, err = fs.Create(temporary, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(owner.text()))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(temporary, name); err != nil {
		return err
	}
	return syncDir(fs, dir)
}
