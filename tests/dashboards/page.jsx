// A dashboard as Splunk Web shows it: Splunk's own packages, with their own searches.
import React from 'react';
import { createRoot } from 'react-dom/client';
import DashboardCore from '@splunk/dashboard-core';
import { DashboardContextProvider } from '@splunk/dashboard-context';
import preset from '@splunk/dashboard-presets/EnterpriseViewOnlyPreset';
import { SplunkThemeProvider } from '@splunk/themes';

const BACKGROUNDS = { dark: '#171d21', light: '#f2f4f5' };
let root = null;

// Open an address without loading all this JavaScript again.
window.openDashboard = async (address) => {
    root?.unmount();
    window.history.pushState({}, '', address);
    const { pathname, search } = window.location;
    const theme = new URLSearchParams(search).get('theme');
    const definition = await (await fetch(`/definition${pathname}`)).json();
    document.body.style.background = BACKGROUNDS[theme];
    root = createRoot(document.getElementById('root'));
    root.render(
        <SplunkThemeProvider family="enterprise" colorScheme={theme} density="comfortable">
            <DashboardContextProvider
                preset={preset}
                initialDefinition={definition}
                featureFlags={{ enableSmartSourceDS: true }}
            >
                <DashboardCore
                    width="100%"
                    height="auto"
                    onValidationError={(error) => console.error('not valid:', JSON.stringify(error))}
                />
            </DashboardContextProvider>
        </SplunkThemeProvider>
    );
};
