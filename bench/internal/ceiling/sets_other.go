//go:build (!amd64 && !arm64) || (arm64 && purego)

package ceiling

var loops []loop
