package identity_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

func TestKeys(t *testing.T) {
	key := identity.GenerateKey()
	text, err := key.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	back, err := identity.ParseKey(append(text, '\n'))
	if err != nil {
		t.Fatal(err)
	}
	if back.Public().Bytes() != key.Public().Bytes() || back.TLSPublic() != key.TLSPublic() {
		t.Fatal("another key")
	}
	if err := key.Public().VerifyProof(identity.NewMember("a", "a:1", back, nil).Proof); err != nil {
		t.Fatal(err)
	}
	foreign := identity.NewMember("a", "a:1", identity.GenerateKey(), nil).Proof
	if err := key.Public().VerifyProof(foreign); !errors.Is(err, committee.ErrSignature) {
		t.Fatalf("a foreign proof: %v, want an ErrSignature", err)
	}
	for _, format := range []string{"%v", "%s", "%+v", "%#v", "%d", "%x"} {
		shown := fmt.Sprintf(format, key) + fmt.Sprintf(format, key.Signer(nil))
		if strings.Contains(shown, strings.TrimPrefix(string(text), "redstuff-secret-v1:")) {
			t.Errorf("printing a key with %s shows the secret", format)
		}
	}
	for _, bad := range []string{"", "x", string(text[:len(text)-1]), string(text) + "A", "redstuff-secret-v2" + string(text[18:])} {
		if _, err := identity.ParseKey([]byte(bad)); !errors.Is(err, identity.ErrKey) {
			t.Errorf("%q: %v, want an ErrKey", bad, err)
		}
	}
}

// TestGoldenKey holds what follows from a secret: nodes keep it for years.
func TestGoldenKey(t *testing.T) {
	key, err := identity.ParseKey([]byte("redstuff-secret-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v\n%v\n", key.Public(), key.TLSPublic())
	want, err := os.ReadFile(filepath.Join("testdata", "key.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestLoadKey(t *testing.T) {
	key := identity.GenerateKey()
	text, err := key.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "key")
	if _, err := identity.LoadKey(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want an ErrNotExist", err)
	}
	for _, c := range []struct {
		content string
		mode    os.FileMode
		want    error
	}{
		{string(text), 0o600, nil},
		{string(text), 0o400, nil},
		{string(text), 0o644, identity.ErrMode},
		{string(text), 0o640, identity.ErrMode},
		{string(text), 0o604, identity.ErrMode},
		{string(text), 0o610, identity.ErrMode},
		{string(text), 0o602, identity.ErrMode},
		{"no key", 0o600, identity.ErrKey},
		{"", 0o600, identity.ErrKey},
		{strings.Repeat(" ", 1<<20) + string(text), 0o600, identity.ErrKey},
	} {
		if c.want == identity.ErrMode && runtime.GOOS == "windows" {
			continue
		}
		if err := os.WriteFile(name, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := identity.LoadKey(name)
		if !errors.Is(err, c.want) || err == nil && got.TLSPublic() != key.TLSPublic() {
			t.Errorf("%.20q, mode %o: %v, want %v", c.content, c.mode, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name the file: %v", err)
		}
		if c.want == identity.ErrMode && (!strings.Contains(err.Error(), fmt.Sprintf("%04o", c.mode)) || !strings.Contains(err.Error(), "chmod 600 "+name)) {
			t.Errorf("the error does not say what would be right: %v", err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}
