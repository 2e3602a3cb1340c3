package walrusapi

import "testing"

func TestBase58(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""}, {"\x00", "1"}, {"Hello World!", "2NEpo7TZRRrLZSi2U"}, {"\x00\x00\x28\x7f\xb4\xcd", "11233QC4"},
	} {
		if got := base58([]byte(c.in)); got != c.want {
			t.Errorf("%x: %s, want %s", c.in, got, c.want)
		}
	}
}
