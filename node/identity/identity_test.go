package identity_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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
	text := key.Reveal()
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
	for _, bad := range []string{"", "x", string(text[:len(text)-1]), string(text) + "A", "redstuff-secret-v2" + string(text[18:])} {
		if _, err := identity.ParseKey([]byte(bad)); !errors.Is(err, identity.ErrKey) {
			t.Errorf("%q: %v, want an ErrKey", bad, err)
		}
	}
}

// TestSecrecy prints, logs and encodes a key in every way: the secret is in none.
func TestSecrecy(t *testing.T) {
	text := "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA" // the bytes 1 to 32
	key, err := identity.ParseKey([]byte("redstuff-secret-v1:" + text))
	if err != nil {
		t.Fatal(err)
	}
	type config struct {
		Key    *identity.Key
		Signer *committee.Signer
	}
	c := config{key, key.Signer(nil)}
	shown := make(map[string]string)
	for _, value := range []any{key, c, &c, []*identity.Key{key}, key.Signer(nil), map[string]any{"x": key}} {
		for _, format := range []string{"%v", "%s", "%+v", "%#v", "%d", "%x", "%X", "%q", "%T"} {
			shown[fmt.Sprintf("%s of a %T", format, value)] = fmt.Sprintf(format, value)
		}
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("a key", "value", value)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("a key", "value", value)
		shown[fmt.Sprintf("logs of a %T", value)] = b.String()
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		shown[fmt.Sprintf("JSON of a %T", value)] = string(encoded)
	}
	for how, got := range shown {
		for _, secret := range []string{text, "1 2 3 4 5 6", "1, 2, 3, 4", "0x1, 0x2", "01020304", "1020304"} {
			if strings.Contains(strings.ToLower(got), strings.ToLower(secret)) {
				t.Errorf("%s shows the secret: %q", how, got)
			}
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
	text := key.Reveal()
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
