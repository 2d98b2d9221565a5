// node schemas.mjs < definitions.json: the options that each visualization knows, and values that
// their schemas refuse.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const Ajv = require('ajv').default ?? require('ajv');
const schemas = require('@splunk/visualization-schemas');

const NAMES = { singlevalue: 'singleValue', linkgraph: 'linkGraph' };
const definitions = JSON.parse(readFileSync(0, 'utf8'));
const ajv = new Ajv({ allErrors: true, strict: false });
const known = {};
const problems = [];

for (const [view, definition] of Object.entries(definitions)) {
    for (const [id, visualization] of Object.entries(definition.visualizations)) {
        const name = visualization.type.split('.')[1];
        const properties = schemas[`${NAMES[name] ?? name}OptionsSchema`];
        known[visualization.type] = Object.keys(properties).sort();
        const validate = ajv.compile({ type: 'object', properties, additionalProperties: false });
        if (!validate(visualization.options ?? {})) {
            const said = validate.errors.map((e) => `${e.instancePath} ${e.message}`);
            problems.push(`${view}: ${id}: ${said.join('; ')}`);
        }
    }
}
process.stdout.write(JSON.stringify({ known, problems }));
