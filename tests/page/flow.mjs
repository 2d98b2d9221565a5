// node flow.mjs < steps.json: works on the configuration page in Chromium and says what happened.
//
// A step is one of {open, tab, press, row, fill, choose, see, gone, picture}. Each waits for what it
// needs. The answer holds the errors of the console, the answers with an error status, and, where a
// step failed, which one and what the page said.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { chromium } = createRequire(`${process.cwd()}/`)('playwright-core');
const PATIENCE = 30000;
const NO_TOASTS = '[data-test^="toast"] { display: none !important }';
const { browser: executablePath, steps } = JSON.parse(readFileSync(0, 'utf8'));

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
const page = await context.newPage();
page.setDefaultTimeout(PATIENCE);
const answer = { errors: [], refused: [], failed: '' };
page.on('console', (message) => message.type() === 'error' && answer.errors.push(message.text()));
page.on('pageerror', (error) => answer.errors.push(String(error)));
page.on('response', (response) => {
    if (response.status() >= 400) {
        answer.refused.push(`${response.status()} ${new URL(response.url()).pathname}`);
    }
});

const field = (name) => page.locator(`[data-test="control-group"][data-name="${name}"]`);
const actions = {
    open: (url) => page.goto(url),
    tab: (name) => page.getByRole('tab', { name }).click(),
    // The last one: a dialog and a form come after what they lie over.
    press: (name) => page.getByRole('button', { name, exact: true }).last().click(),
    row: ([name, button]) =>
        page.getByRole('row', { name }).getByRole('button', { name: button }).first().click(),
    fill: async (values) => {
        for (const [name, value] of Object.entries(values)) {
            await field(name).getByRole('textbox').fill(value);
        }
    },
    choose: async ([name, choice]) => {
        const option = field(name).getByText(choice, { exact: true });
        if (!(await option.count())) {
            await field(name).locator('button').first().click();
        }
        await page.getByText(choice, { exact: true }).last().click();
    },
    see: (text) => page.getByText(text).first().waitFor(),
    gone: (text) => page.getByText(text).first().waitFor({ state: 'detached' }),
    picture: async (path) => {
        await page.mouse.move(0, 0);
        await page.screenshot({ path, fullPage: true, animations: 'disabled', style: NO_TOASTS });
    },
};

for (const step of steps) {
    const [[action, value]] = Object.entries(step);
    try {
        await actions[action](value);
    } catch (error) {
        const text = await page.evaluate(() => document.body.innerText);
        answer.failed = `${JSON.stringify(step)}: ${error}\n${text}`;
        break;
    }
}
await browser.close();
process.stdout.write(JSON.stringify(answer));
