package identity

import (
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

// LoadKey reads the file of a key. The error wraps ErrMode or ErrKey, or is that of
// reading the file.
func LoadKey(path string) (*Key, error) {
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
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, err
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}
