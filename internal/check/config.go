package check

import (
	"context"
	"strings"

	"dispatcher/config"
)

// Config shows the settings that were given, secrets as ***; err is why they
// cannot work.
func Config(cfg *config.Config, err error) Party {
	const name = "configuration"
	return Party{Name: name, Ask: func(context.Context) []Row {
		if err != nil {
			return []Row{wrong(name, strings.Join(strings.Fields(err.Error()), " "), "correct the settings that are named")}
		}
		given := make([]string, 0, len(cfg.Sources))
		for _, s := range cfg.Sources {
			given = append(given, s.Key+"="+s.Value)
		}
		value := "all settings are at their defaults"
		if len(given) > 0 {
			value = strings.Join(given, " ") + "; all others are at their defaults"
		}
		return []Row{noted(name, value, strings.Join(cfg.Warnings, "; "))}
	}}
}
