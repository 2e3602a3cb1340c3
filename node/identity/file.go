package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// ErrMode is returned when others than its owner may read, write or run a key's file.
var ErrMode = errors.New("identity: others may read the secret")

// maxKeyFile bounds what is read of a key's file.
const maxKeyFile = 4 << 10

// LoadKey reads the file of a key, and of a node's keys the oldest, see [LoadKeyring]. The
// error wraps ErrMode or ErrKey, or is that of
// reading the file.
func LoadKey(path string) (*Key, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	if bytes.Count(bytes.TrimSpace(text), []byte("\n")) == 0 {
		key, err := ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return key, nil
	}
	keys, err := loadKeys(path)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// readSecret reads a file that nobody else may read.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// Where there are no such modes, every file has all of them.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s: %w: its mode is %04o and must be 0600 (chmod 600 %[1]s)", path, ErrMode, mode)
	}
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}
