//! Rows of JSON with the key each is sent under.

use super::common::Outcome;

/// (key, row) of each line. Rows without that field are spread by flight instead; no field: no keys.
pub fn read(path: &str, key: Option<&str>) -> Outcome<Vec<(Vec<u8>, Vec<u8>)>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    text.lines()
        .map(|line| Ok((key_of(line, key)?, line.as_bytes().to_vec())))
        .collect()
}

fn key_of(line: &str, field: Option<&str>) -> Outcome<Vec<u8>> {
    let Some(field) = field else { return Ok(Vec::new()) };
    let row: serde_json::Value = serde_json::from_str(line)?;
    let key = row[field].as_str().map(str::to_owned);
    Ok(key
        .unwrap_or_else(|| format!("{}{}", row["carrier"].as_str().unwrap_or(""), row["flight"]))
        .into_bytes())
}
