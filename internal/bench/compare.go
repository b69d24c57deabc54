package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkedIn are ratios of a quiet machine: `make bench BENCH_JSON=internal/bench/ratios.json`.
//
//go:embed ratios.json
var checkedIn []byte

// loud is how far a ratio may fall below the one checked in.
const loud = 0.8

// compare says loudly what has become slower. It is no failure: machines differ
// and are busy, which ratios of one run only soften.
func (b *bench) compare() {
	var before map[string]float64
	if err := json.Unmarshal(checkedIn, &before); err != nil {
		fmt.Fprintln(os.Stderr, "bench: read internal/bench/ratios.json:", err)
		return
	}
	for _, line := range slower(before, b.result) {
		fmt.Println("!!! SLOWER:", line)
	}
}

// slower lists the ratios that have fallen by more than a fifth.
func slower(before, now map[string]float64) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		value, measured := now[name]
		if measured && strings.HasPrefix(name, "ratio ") && value < loud*before[name] {
			lines = append(lines, fmt.Sprintf("%s is %.2f, was %.2f", name, value, before[name]))
		}
	}
	return lines
}

// save keeps the figures for whoever compares.
func (b *bench) save() error {
	path := os.Getenv("BENCH_JSON")
	if path == "" {
		return nil
	}
	content, err := json.MarshalIndent(b.result, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(path), append(content, '\n'), 0o644)
}
