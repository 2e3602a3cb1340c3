package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
)

// Files lie in slivers/xx/, xx being the first byte of the blob id in hexadecimal,
// and are named by blob id and number; those not complete yet in tmp/.
const (
	sliversName   = "slivers"
	temporaryDir  = "tmp"
	fileSuffix    = ".slivers"
	numberDigits  = 16
	idDigits      = 43
	directoryBits = 8
)

func randomNumber() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

func fileName(id commit.BlobID, number uint64) string {
	return fmt.Sprintf("%v-%016x%s", id, number, fileSuffix)
}

// parseFileName is the inverse of fileName.
func parseFileName(name string) (id commit.BlobID, number uint64, ok bool) {
	rest, ok := strings.CutSuffix(name, fileSuffix)
	if !ok || len(rest) != idDigits+1+numberDigits {
		return id, 0, false
	}
	id, err := commit.ParseBlobID(rest[:idDigits])
	if err != nil {
		return id, 0, false
	}
	number, err = strconv.ParseUint(rest[idDigits+1:], 16, 64)
	return id, number, err == nil && fileName(id, number) == name
}

func (d *Disk) temporaryName(number uint64) string {
	return d.fs.PathJoin(d.dir, temporaryDir, fmt.Sprintf("%016x", number))
}

func (d *Disk) sliverDir(id commit.BlobID) string {
	return d.fs.PathJoin(d.dir, sliversName, fmt.Sprintf("%02x", id[0]))
}

// makeDirs makes the directories that are not there, durably, and removes what a
// crash left in the temporary one.
func (d *Disk) makeDirs() error {
	slivers := d.fs.PathJoin(d.dir, sliversName)
	temporary := d.fs.PathJoin(d.dir, temporaryDir)
	for _, dir := range []string{d.dir, slivers, temporary} {
		if err := d.fs.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	have, err := d.fs.List(slivers)
	if err != nil {
		return err
	}
	slices.Sort(have)
	for i := range 1 << directoryBits {
		name := fmt.Sprintf("%02x", i)
		if _, found := slices.BinarySearch(have, name); found {
			continue
		}
		if err := d.fs.MkdirAll(d.fs.PathJoin(slivers, name), 0o700); err != nil {
			return err
		}
	}
	for _, dir := range []string{slivers, d.dir, d.fs.PathDir(d.dir)} {
		if err := d.syncDir(dir); err != nil {
			return err
		}
	}
	left, err := d.fs.List(temporary)
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := d.fs.Remove(d.fs.PathJoin(temporary, name)); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a directory durable.
func (d *Disk) syncDir(dir string) error { return syncDir(d.fs, dir) }

func syncDir(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Sweep removes files that nothing refers to, which a crash can leave behind, and
// returns how many. It may run while the store is in use.
func (d *Disk) Sweep(ctx context.Context) (removed int, err error) {
	for i := range 1 << directoryBits {
		dir := d.fs.PathJoin(d.dir, sliversName, fmt.Sprintf("%02x", i))
		names, err := d.fs.List(dir)
		if err != nil {
			return removed, fmt.Errorf("store: %w", err)
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return removed, err
			}
			id, number, ok := parseFileName(name)
			if !ok {
				continue // not ours
			}
			gone, err := d.sweepFile(dir, name, id, number)
			if err != nil {
				return removed, err
			}
			if gone {
				removed++
			}
		}
	}
	return removed, nil
}

func (d *Disk) sweepFile(dir, name string, id commit.BlobID, number uint64) (gone bool, err error) {
	defer d.lock(id)()
	used, err := d.files(id)
	if err != nil || slices.Contains(used, number) {
		return false, err
	}
	err = d.fs.Remove(d.fs.PathJoin(dir, name))
	if errors.Is(err, fs.ErrNotExist) || os.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	return true, nil
}
